/**
 * Why a participant is not reached, or why a change does not reach that participant. The code is for programs; the
 * message is one English sentence for a developer. docs/mesh.md says for each code what to do and whether the Mesh tries
 * again.
 */
export interface PeerReason {
  readonly code: PeerReasonCode;
  readonly message: string;
}

/**
 * - `TurnRefused`: a TURN server refused the credentials (401, 403, 441) or the allocation (486, 508).
 * - `TurnUnreachable`: no TURN server answered, and no direct path was found.
 * - `NoTurnServer`: `iceTransportPolicy` is `relay`, and no TURN server is configured.
 * - `NoCandidates`: this end found no address of its own, so no path can be tried.
 * - `NoRemoteCandidates`: the other end named no address of its own.
 * - `AddressFamilies`: one end has IPv4 addresses only, the other IPv6 addresses only.
 * - `NoRoute`: paths were tried, and no packet was ever answered: a firewall blocks UDP, or the network is sealed off.
 * - `Lost`: a path was found before, and packets do not pass any more.
 * - `NoAnswer`: the other end does not answer an offer that was sent four times.
 * - `TooLarge`: a description is larger than the server takes, so the last tracks are not sent to this participant, or
 *   an answer is not sent. In the second case the other end tells `NoAnswer`.
 * - `NegotiationFailed`: WebRTC refused descriptions several times in a row.
 */
export type PeerReasonCode =
  | 'TurnRefused'
  | 'TurnUnreachable'
  | 'NoTurnServer'
  | 'NoCandidates'
  | 'NoRemoteCandidates'
  | 'AddressFamilies'
  | 'NoRoute'
  | 'Lost'
  | 'NoAnswer'
  | 'TooLarge'
  | 'NegotiationFailed';
