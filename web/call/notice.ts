import { SignalingError } from '../../src/client/index.ts';

/**
 * Why somebody stands at the entrance (again). `left`: of their own will. `replaced`: this session goes on elsewhere.
 * The others say what was wrong with the link, the room or the server.
 */
export type Notice =
  | 'left'
  | 'badLink'
  | 'roomNotFound'
  | 'roomFull'
  | 'serverFull'
  | 'tooManyAttempts'
  | 'failed';

/** What an error of the SDK means to somebody who wants to talk. */
export function noticeOf(error: unknown): Notice {
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
