import type { IncomingMessage } from 'node:http';
import { readAtMost } from './bounded-fetch.ts';
import type { Challenges } from './challenge.ts';
import { queryOf, tokenOf } from './credentials.ts';
import { isRefusal, type Refusal, RefusalError } from './refusal.ts';
import type { Revocations } from './revocations.ts';
import type { SigningKey } from './signing-key.ts';
import type { Tickets } from './tickets.ts';
import type { TokenVerifier } from './token-verifier.ts';

/** The HTTP endpoints of authentication. They decide what is answered; src/http.ts writes it. */

export interface Reply {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface AuthRoute {
  readonly method: 'GET' | 'POST';
  /** Whether a request is an attempt of its address. */
  readonly isAttempt: boolean;
  answer(request: IncomingMessage): Reply | Promise<Reply>;
}

export interface RoutesParts {
  readonly verifier: TokenVerifier;
  readonly revocations: Revocations;
  readonly tickets: Tickets;
  /** Both undefined while there is no allow-list of entities. */
  readonly challenges?: Challenges;
  readonly signingKey?: SigningKey;
  /** Which check failed, for the log. */
  refused(path: string, refusal: Refusal): void;
}

const MAX_BODY_BYTES = 8192;

/** By their path below the base path. */
export function authRoutes(parts: RoutesParts): Readonly<Record<string, AuthRoute>> {
  const { challenges, signingKey } = parts;
  const refuse = (path: string, refusal: Refusal, more: object = {}): Reply => {
    parts.refused(path, refusal);
    const status = refusal.refused === 'Forbidden' ? 403 : 401;
    const headers = { 'WWW-Authenticate': 'Bearer' };
    return { status, body: { error: refusal.refused, ...more }, headers };
  };
  return {
    '/auth/ticket': {
      method: 'POST',
      isAttempt: true,
      answer: (request) => ticketFor(request, parts, refuse),
    },
    ...(challenges && {
      '/auth/token': {
        method: 'GET' as const,
        isAttempt: true,
        answer(request) {
          const query = queryOf(request);
          const challenge = challenges.issue(sole(query, 'entity_id'), sole(query, 'pubkey'));
          if (!isRefusal(challenge)) return { status: 200, body: challenge };
          const error = 'entity_id has to be given once, and pubkey once: 32 bytes in base64url.';
          return { status: 400, body: { error } };
        },
      },
      '/auth/verify': {
        method: 'POST' as const,
        isAttempt: true,
        async answer(request) {
          const body = await jsonOf(request);
          if (body === undefined)
            return { status: 400, body: { error: 'The body is not JSON of at most 8192 bytes.' } };
          const result = await challenges.verify(body);
          if (!isRefusal(result)) return { status: 200, body: result };
          const { server_time } = result;
          return refuse('/auth/verify', result, server_time === undefined ? {} : { server_time });
        },
      },
    }),
    ...(signingKey && {
      '/.well-known/jwks.json': {
        method: 'GET' as const,
        isAttempt: false,
        answer: () => ({ status: 200, body: signingKey.keySet, headers: { 'Cache-Control': 'max-age=300' } }),
      },
    }),
  };
}

async function ticketFor(
  request: IncomingMessage,
  { verifier, revocations, tickets }: RoutesParts,
  refuse: (path: string, refusal: Refusal) => Reply,
): Promise<Reply> {
  const path = '/auth/ticket';
  const token = bearerOf(request);
  if (token === undefined) return refuse(path, new RefusalError('missing').refusal);
  const identity = await verifier.verify(token);
  if (isRefusal(identity)) return refuse(path, identity);
  if (revocations.isRevoked(identity.user_id, identity.issued_at))
    return refuse(path, new RefusalError('revoked').refusal);
  const issued = tickets.issue(identity);
  if (issued !== undefined) return { status: 200, body: issued };
  return {
    status: 503,
    body: { error: 'There are too many open tickets.' },
    headers: { 'Retry-After': '30' },
  };
}

function bearerOf({ headers }: IncomingMessage): string | undefined {
  return tokenOf({ authorization: headers.authorization });
}

/** The one value of a name; undefined where there are several. */
function sole(query: URLSearchParams, name: string): string | undefined {
  const values = query.getAll(name);
  return values.length === 1 ? values[0] : undefined;
}

/** Undefined where the body is too long or no JSON. How long it may take is up to the server's timeout. */
async function jsonOf(request: IncomingMessage): Promise<unknown> {
  try {
    const text = await readAtMost(request, MAX_BODY_BYTES);
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
