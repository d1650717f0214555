import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Loaded with `--import`: packages come from the folder DOCTORED where it has them. */

const folder = process.env.DOCTORED as string;

registerHooks({
  resolve(specifier, context, next) {
    const [, name = ''] = /^((?:@[^/]+\/)?[^/]+)/.exec(specifier) ?? [];
    const isDoctored = existsSync(join(folder, 'node_modules', name, 'package.json'));
    const parentURL = pathToFileURL(join(folder, 'importer.js')).href;
    return next(specifier, isDoctored ? { ...context, parentURL } : context);
  },
});
