/** The wire contract for clients: types, and the codes. Imports nothing at run time; safe in a browser. */

export type { ClientMessage, ClientMessageType, RelayRequest } from './client.ts';
export {
  CLIENT_CLOSE_CODES,
  CLOSE_CODES,
  type CloseReason,
  type CodeEntry,
  ERROR_CODES,
  type ErrorCode,
} from './codes.ts';
export type {
  IceServer,
  NumberedMessage,
  ParticipantId,
  Ready,
  Relayed,
  RoomId,
  ServerMessage,
  ServerMessageType,
  SessionMessage,
} from './server.ts';
