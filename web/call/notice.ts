import { SignalingError } from '../../src/client/index.ts';

/**
 * Why the entrance is shown (again). `left`: the user has left. `moved`: the call goes on in another tab. The others
 * say what is wrong with the link, the room or the server.
 */
export type Notice =
  | 'left'
  | 'moved'
  | 'badLink'
  | 'roomNotFound'
  | 'roomFull'
  | 'serverFull'
  | 'tooManyAttempts'
  | 'failed';

/** Another page goes on with the session of this one, as a duplicated tab over plain http does. */
export class ReplacedError extends Error {}

/** What an error of the SDK means to somebody who wants to talk. */
export function noticeOf(error: unknown): Notice {
  if (error instanceof ReplacedError) return 'moved';
  if (!(error instanceof SignalingError)) return 'failed';
  switch (error.code) {
    case 'RoomFull':
      return 'roomFull';
    case 'RoomNotFound':
      return 'roomNotFound';
    case 'RateLimited':
      return 'tooManyAttempts';
    case 'Internal':
      return 'serverFull';
    default:
      return 'failed';
  }
}
