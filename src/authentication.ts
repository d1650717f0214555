import { randomBytes } from 'node:crypto';
import { Access } from './auth/access.ts';
import type { Authorizer, Handshake } from './auth/authorizer.ts';
import { Gate } from './auth/gate.ts';
import { AuthHook } from './auth/hook.ts';
import type { Identity } from './auth/identity.ts';
import { KeyServer } from './auth/key-server.ts';
import { Keyring, type KeySource } from './auth/keyring.ts';
import { type Keys, readKeySet, readSecrets } from './auth/keys.ts';
import { isRefusal, type Refusal, RefusalError } from './auth/refusal.ts';
import { Revocations } from './auth/revocations.ts';
import { RoomNames } from './auth/room-names.ts';
import { type AuthRoute, authRoutes } from './auth/routes.ts';
import { Tickets } from './auth/tickets.ts';
import { TokenVerifier } from './auth/token-verifier.ts';
import { WatchedFile } from './auth/watched-file.ts';
import { type Config, ConfigError } from './config.ts';
import type { Logger } from './telemetry/logger.ts';

const HOOK_MAX_FAILURES = 5;
const HOOK_PAUSE_MS = 10_000;

/** Decides who may connect, by the settings AUTH_*. The server has no such object while AUTH is off. */
export class Authentication {
  readonly routes: Readonly<Record<string, AuthRoute>>;
  readonly #authorizer: Authorizer;
  readonly #names = new RoomNames(randomBytes(32));
  readonly #files: WatchedFile<Keys>[] = [];
  readonly #keyServer: KeyServer | undefined;
  readonly #logger: Logger;

  /** Throws ConfigError where a file of keys or a URL cannot be used. */
  constructor(config: Config, mode: 'optional' | 'required', logger: Logger) {
    const { authMaxTtlS: maxTtlS, authIssuer: issuer, authAudience: audience } = config;
    this.#logger = logger;
    try {
      const { authJwksUrl: url } = config;
      this.#keyServer = url === undefined ? undefined : new KeyServer(new URL(url), logger);
      const verifier = new TokenVerifier(new Keyring(this.#sources(config)), {
        maxTtlS,
        ...(issuer !== undefined && { issuer }),
        ...(audience !== undefined && { audience }),
      });
      const tickets = new Tickets(config.maxConnections);
      const revocations = new Revocations(maxTtlS);
      const hook = hookOf(config, logger);
      this.#authorizer = new Gate({ mode, verifier, tickets, revocations, maxTtlS, ...(hook && { hook }) });
      this.routes = authRoutes({
        verifier,
        tickets,
        revocations,
        refused: (path, why) => this.#tell(why, { path }),
      });
    } catch (error) {
      this.stop();
      throw new ConfigError((error as Error).message);
    }
  }

  /** Settles when the key server has answered once, or cannot. */
  async start(): Promise<void> {
    await this.#keyServer?.start();
  }

  /** Never rejects: what goes wrong is a refusal, also what `handshake` throws. `fields` are for the log. */
  async authenticate(handshake: () => Handshake, fields: object): Promise<Access | Refusal> {
    const found = await this.#identify(handshake, fields);
    if (!isRefusal(found)) return new Access(found, this.#names);
    this.#tell(found, fields);
    return found;
  }

  async #identify(handshake: () => Handshake, fields: object): Promise<Identity | Refusal> {
    try {
      return await this.#authorizer.authenticate(handshake());
    } catch (error) {
      if (error instanceof RefusalError) return error.refusal;
      this.#logger.error({ ...fields, err: error }, 'authentication failed inside the server');
      return new RefusalError('internal').refusal;
    }
  }

  /** Which check failed is for the log alone. */
  #tell({ refused, check }: Refusal, fields: object): void {
    this.#logger.info({ ...fields, refused, check }, 'authentication refused');
  }

  reload(): void {
    for (const file of this.#files) file.reload();
  }

  stop(): void {
    this.#keyServer?.stop();
    for (const file of this.#files) file.stop();
  }

  #sources({ authSecretsFile, authJwksFile }: Config): KeySource[] {
    return [
      ...this.#file('AUTH_SECRETS_FILE', authSecretsFile, readSecrets),
      ...this.#file('AUTH_JWKS_FILE', authJwksFile, readKeySet),
      ...(this.#keyServer === undefined ? [] : [this.#keyServer]),
    ];
  }

  #file(setting: string, path: string | undefined, read: (text: string) => Keys): KeySource[] {
    if (path === undefined) return [];
    const file = new WatchedFile(setting, path, read, this.#logger);
    this.#files.push(file);
    return [
      {
        get keys() {
          return file.value;
        },
      },
    ];
  }
}

function hookOf(
  { authHookUrl, authHookTimeoutMs, authMaxTtlS }: Config,
  logger: Logger,
): AuthHook | undefined {
  if (authHookUrl === undefined) return undefined;
  return new AuthHook(new URL(authHookUrl), logger, {
    timeoutMs: authHookTimeoutMs,
    maxTtlS: authMaxTtlS,
    maxFailures: HOOK_MAX_FAILURES,
    pauseMs: HOOK_PAUSE_MS,
  });
}
