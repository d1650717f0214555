import * as v from 'valibot';
import { BASE, type ClientMessage, type ClientMessageType, type Dialect, SESSION } from './client.ts';
import { request_id as requestId } from './fields.ts';
import { rememberLiteral } from './literal.ts';
import { CLIENT_MESSAGES } from './messages.ts';
import { WHEN } from './registry.ts';
import { type Acceptor, acceptorOf } from './valibot/acceptance.ts';

/** How the messages of one type are read. */
interface Reading {
  readonly schema: v.GenericSchema<unknown, ClientMessage>;
  /** Valid as it is. */
  readonly accepts: Acceptor;
  readonly feature: string | undefined;
}

export type Parsed =
  | { readonly ok: true; readonly message: ClientMessage }
  | ({ readonly ok: false } & Fault);

/** What is wrong with a frame. */
export interface Fault {
  readonly reason: string;
  /** Of a request in a session, if it could be read. */
  readonly requestId?: string | undefined;
  /** It was to open a session, and may be said again. */
  readonly isHello?: boolean | undefined;
}

/** What refuses a message where it may not come, by its type. */
export const NOT_NOW = Object.fromEntries(
  Object.entries(CLIENT_MESSAGES).map(([type, { when }]) => [type, WHEN[when].refusal]),
) as Readonly<Record<ClientMessageType, string>>;

const { Hello } = SESSION;
/** Hello is read in either dialect; whether it may come now is the connection's decision. */
const READINGS = { base: readings({ ...BASE, Hello }), session: readings(SESSION) };

const EXPECTED = Object.keys(BASE).join(', ');
const SHOWN = 100;
const NO_FEATURES: ReadonlySet<string> = new Set();

/**
 * Reads one text frame. Never throws: what is wrong comes back as a sentence for the client's developer. `features` are those
 * that the session has. Unless `isFast`, valibot reads every message.
 */
export function parseClientMessage(
  text: string,
  dialect: Dialect = 'base',
  isFast = true,
  features: ReadonlySet<string> = NO_FEATURES,
): Parsed {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse('The frame is not JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse('The frame is not a JSON object.');
  }
  const { type } = value as { type?: unknown };
  if (type === undefined) return refuse(`The field "type" is missing; expected one of ${EXPECTED}.`);
  const reading = READINGS[dialect].get(type);
  if (reading === undefined)
    return refuse(`Unknown type ${shown(type)}; expected one of ${EXPECTED}.`, aboutOf(value, dialect));
  const { feature } = reading;
  if (feature !== undefined && !features.has(feature)) {
    const reason = `${String(type)} needs the feature "${feature}", which Hello did not ask for.`;
    return refuse(reason, aboutOf(value, dialect));
  }
  if (isFast && reading.accepts(value)) return accept(value as ClientMessage, text);
  const result = v.safeParse(reading.schema, value, { abortEarly: true });
  return result.success
    ? accept(result.output, text)
    : refuse(explain(String(type), result.issues[0]), aboutOf(value, dialect));
}

function readings(of: Readonly<Record<string, Reading['schema']>>): ReadonlyMap<unknown, Reading> {
  return new Map(
    Object.entries(of).map(([type, schema]) => [
      type,
      {
        schema,
        accepts: acceptorOf(schema),
        feature: CLIENT_MESSAGES[type as keyof typeof CLIENT_MESSAGES].feature,
      },
    ]),
  );
}

function accept(message: ClientMessage, text: string): Parsed {
  if ('sdp' in message) rememberLiteral(text, 'sdp', message.sdp);
  return { ok: true, message };
}

function refuse(reason: string, about: Omit<Fault, 'reason'> = {}): Parsed {
  return { ok: false, reason, ...about };
}

/** What a message says although something else in it is wrong. The base protocol has no request ids. */
function aboutOf(value: object, dialect: Dialect): Omit<Fault, 'reason'> {
  const { type, request_id } = value as { type?: unknown; request_id?: unknown };
  const hasId = dialect === 'session' && v.is(requestId, request_id);
  return { isHello: type === 'Hello', requestId: hasId ? request_id : undefined };
}

/** `JoinRoom.room_id: Invalid UUID: Received "abc"`, cut short where the client sent something long. */
function explain(type: string, issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  return cut(`${type}${path === null ? '' : `.${cut(path)}`}: ${cut(issue.message)}`, 3 * SHOWN);
}

/** A string as it is; of anything else only what it is, since it may be nested too deep to write out. */
function shown(value: unknown): string {
  if (typeof value === 'string') return cut(JSON.stringify(cut(value)));
  return value === null ? 'null' : `of type ${Array.isArray(value) ? 'array' : typeof value}`;
}

function cut(text: string, length = SHOWN): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}
