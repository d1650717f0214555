import type { ErrorCode } from '../protocol/codes.ts';
import type { ParticipantId } from '../protocol/server.ts';

/**
 * Why a call failed. `code` is the protocol's (docs/protocol.md), or `Closed` when the client is closed for good,
 * or `Lost` when the connection went and what became of the call is not known. `message` is for a developer.
 */
export class SignalingError extends Error {
  override readonly name = 'SignalingError';
  /** What programs decide by. */
  readonly code: ErrorCode | 'Closed' | 'Lost';
  /** The addressee of the relay that was refused, where it is known. */
  readonly to?: ParticipantId;

  constructor(code: ErrorCode | 'Closed' | 'Lost', message: string, to?: ParticipantId) {
    super(message);
    this.code = code;
    if (to !== undefined) this.to = to;
  }
}
