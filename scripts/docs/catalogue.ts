import type * as v from 'valibot';
import type * as client from '../../src/protocol/client.ts';
import type { iceServer } from '../../src/protocol/fields.ts';
import { CLIENT_MESSAGES, FIELDS, SERVER_MESSAGES } from '../../src/protocol/messages.ts';
import type * as server from '../../src/protocol/server.ts';

/** What docs/ say of each message and field. The types see to it that none is missing. */

type KeysOf<T> = T extends T ? keyof T : never;
type Schemas = Readonly<Record<string, v.GenericSchema>>;
type Fields<S extends Schemas> = Exclude<KeysOf<v.InferInput<S[keyof S]>>, 'type'>;
type FieldName =
  | Fields<typeof client.SESSION>
  | Fields<typeof server.SESSION>
  | keyof server.Ready['limits']
  | keyof v.InferInput<typeof iceServer>
  | 'seq';

export const WORDS_OF_FIELDS: Readonly<Record<FieldName, string>> = FIELDS;

/** What is said of a message. */
interface About {
  readonly summary: string;
  readonly example: object;
}

export function aboutClient(type: string, inSession: boolean): About {
  const entry = CLIENT_MESSAGES[type as keyof typeof CLIENT_MESSAGES];
  return (inSession ? entry.inSession : undefined) ?? entry;
}

export function aboutServer(type: string, inSession: boolean): About {
  const entry = SERVER_MESSAGES[type as keyof typeof SERVER_MESSAGES];
  const { summary, example } = entry;
  const isNumbered = inSession && entry.startsNumbers !== true;
  return { summary, example: isNumbered ? { ...example, seq: 1 } : example };
}
