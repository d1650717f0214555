import { FEATURES } from './messages.ts';

/** What a session can ask for in its Hello. A name that is not known is ignored, so that newer clients may ask for more. */

/** The version of the protocol that this server speaks. It changes only when a session could not go on otherwise. */
export const PROTOCOL_VERSION = 1;

/** What a client and the server agree on when a session is opened or taken up. */
export interface Greeting {
  readonly version: number;
  /** Those that were asked for and that the server knows. */
  readonly features: ReadonlySet<string>;
  readonly requestId: string | undefined;
}

/** What a Hello asks for, as far as the server has it. */
export function greetingOf(hello: {
  readonly version?: number | undefined;
  readonly features?: readonly string[] | undefined;
  readonly request_id?: string | undefined;
}): Greeting {
  const { version = PROTOCOL_VERSION, features = [], request_id: requestId } = hello;
  return {
    version: Math.min(version, PROTOCOL_VERSION),
    features: new Set(features.filter((name) => Object.hasOwn(FEATURES, name))),
    requestId,
  };
}
