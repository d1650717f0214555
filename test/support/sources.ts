import { join } from 'node:path';
import { isIdentifier, isStringLiteral, type Node, SyntaxKind } from 'typescript/unstable/ast';
import { API, type Project, TypeFlags } from 'typescript/unstable/sync';

/** What source files import, and what they read of packages, as TypeScript's own parser and checker see it. */

export interface Import {
  readonly specifier: string;
  readonly isTypeOnly: boolean;
}

/** A property that code reads. */
export interface Read {
  readonly name: string;
  /** The package that declares it; undefined for Bloom's own. */
  readonly package: string | undefined;
  /** The value that it is read from has the type `any`: TypeScript does not know of the property. */
  readonly isUnknown: boolean;
}

/** A project of TypeScript: its files, as they are or as `texts` has them. */
export class Sources {
  readonly #api: API;
  readonly #project: Project;
  readonly #root: string;

  /** `config` is a tsconfig.json below `root`, or one that `texts` has. */
  constructor(root: string, config: string, texts: Readonly<Record<string, string>> = {}) {
    this.#root = root;
    const read = (path: string) => texts[path.slice(root.length)];
    this.#api = new API({
      cwd: root,
      fs: { readFile: read, fileExists: (path) => (read(path) === undefined ? undefined : true) },
    });
    const path = join(root, config);
    const project = this.#api.updateSnapshot({ openProjects: [path] }).getProject(path);
    if (project === undefined) throw new Error(`no project of TypeScript: ${path}`);
    this.#project = project;
  }

  /** Files parsed alone, without what they import. */
  static parsed(root: string, files: readonly string[], texts: Readonly<Record<string, string>> = {}) {
    const config = 'tsconfig.parsed.json';
    const compilerOptions = { noResolve: true, noLib: true, types: [], jsx: 'preserve', noEmit: true };
    return new Sources(root, config, { ...texts, [config]: JSON.stringify({ compilerOptions, files }) });
  }

  close(): void {
    this.#api.close();
  }

  importsOf(file: string): Import[] {
    const imports: Import[] = [];
    this.#visit(file, (node) => {
      const found = importOf(node);
      if (found !== undefined) imports.push(found);
    });
    return imports;
  }

  /** What a module exports does not count: it is public. */
  readsOf(file: string): Read[] {
    const found: { readonly object: Node; readonly name: Node; readonly text: string }[] = [];
    const modules = new Set<string>();
    this.#visit(file, (node) => {
      const { name } = node as Node & { readonly name?: Node };
      if (node.kind === SyntaxKind.NamespaceImport && name !== undefined && isIdentifier(name))
        modules.add(name.text);
      found.push(...readsAt(node).filter(({ object }) => !isIdentifier(object) || !modules.has(object.text)));
    });
    if (found.length === 0) return [];
    const { checker } = this.#project;
    const types = checker.getTypeAtLocation(found.map(({ object }) => object));
    const symbols = checker.getSymbolAtLocation(found.map(({ name }) => name));
    return found.map(({ text }, i) => ({
      name: text,
      package: packageOf(symbols[i]?.declarations.map(({ path }) => path) ?? []),
      isUnknown: ((types[i]?.flags ?? 0) & TypeFlags.Any) !== 0,
    }));
  }

  /** Names of what a class or an interface of the file shows to others: no private member is among them. */
  membersOf(file: string): string[] {
    const names: string[] = [];
    this.#visit(file, (node) => {
      const isMember =
        node.kind === SyntaxKind.MethodDeclaration ||
        node.kind === SyntaxKind.PropertyDeclaration ||
        node.kind === SyntaxKind.MethodSignature ||
        node.kind === SyntaxKind.PropertySignature;
      const { name } = node as Node & { readonly name?: Node };
      if (isMember && name !== undefined && isIdentifier(name)) names.push(name.text);
    });
    return names;
  }

  /** How often the file has `as unknown as`, which hides a type from the checker. */
  doubleAssertionsOf(file: string): number {
    let count = 0;
    this.#visit(file, (node) => {
      if (node.kind !== SyntaxKind.AsExpression) return;
      const { expression } = node as Node & { readonly expression: Node & { readonly type?: Node } };
      if (expression.kind === SyntaxKind.AsExpression && expression.type?.kind === SyntaxKind.UnknownKeyword)
        count += 1;
    });
    return count;
  }

  #visit(file: string, see: (node: Node) => void): void {
    const source = this.#project.program.getSourceFile(join(this.#root, file));
    if (source === undefined) throw new Error(`not in the project: ${file}`);
    const visit = (node: Node): void => {
      see(node);
      node.forEachChild(visit);
    };
    visit(source);
  }
}

interface WithSpecifier {
  readonly moduleSpecifier?: Node;
  readonly isTypeOnly?: boolean;
  readonly importClause?: { readonly phaseModifier?: SyntaxKind };
  readonly argument?: Node & { readonly literal?: Node };
  readonly expression?: Node;
  readonly arguments?: readonly Node[];
}

function importOf(node: Node): Import | undefined {
  const {
    moduleSpecifier,
    isTypeOnly,
    importClause,
    argument,
    expression,
    arguments: args,
  } = node as Node & WithSpecifier;
  switch (node.kind) {
    case SyntaxKind.ImportDeclaration:
      return to(moduleSpecifier, importClause?.phaseModifier === SyntaxKind.TypeKeyword);
    case SyntaxKind.ExportDeclaration:
      return to(moduleSpecifier, isTypeOnly === true);
    case SyntaxKind.ImportType:
      return to(argument?.literal, true);
    case SyntaxKind.CallExpression:
      return expression?.kind === SyntaxKind.ImportKeyword ? to(args?.[0], false) : undefined;
    default:
      return undefined;
  }
}

/** Undefined where no text says what is imported. */
function to(specifier: Node | undefined, isTypeOnly: boolean): Import | undefined {
  if (specifier === undefined || !isStringLiteral(specifier)) return undefined;
  return { specifier: specifier.text, isTypeOnly };
}

function readsAt(node: Node): { object: Node; name: Node; text: string }[] {
  const { expression, name, argumentExpression, elements } = node as Node & {
    readonly expression: Node;
    readonly name: Node;
    readonly argumentExpression?: Node;
    readonly elements: readonly (Node & { readonly propertyName?: Node; readonly name: Node })[];
  };
  switch (node.kind) {
    case SyntaxKind.PropertyAccessExpression:
      return [name].filter(isIdentifier).map((each) => ({ object: expression, name: each, text: each.text }));
    case SyntaxKind.ElementAccessExpression:
      return [argumentExpression]
        .filter((each) => each !== undefined)
        .filter(isStringLiteral)
        .map((each) => ({ object: expression, name: each, text: each.text }));
    case SyntaxKind.ObjectBindingPattern:
      return elements
        .map(({ propertyName, name: own }) => propertyName ?? own)
        .filter(isIdentifier)
        .map((each) => ({ object: node, name: each, text: each.text }));
    default:
      return [];
  }
}

function packageOf(paths: readonly string[]): string | undefined {
  for (const path of paths) {
    const [, name] = /node_modules\/(?:@types\/)?((?:@[\w-]+\/)?[\w.-]+)\//.exec(path) ?? [];
    if (name !== undefined) return name;
  }
  return undefined;
}
