import type { SnapshotFrom } from 'xstate';
import type { negotiationMachine } from './machines/negotiation.ts';

/**
 * connecting: no path found yet. connected: media and data pass. interrupted: they do, but the other end has lost its
 * signalling. reconnecting: nothing passes, and ICE is restarted. failed: that did not help; it is tried again now and
 * then, and when signalling resumes. closed: over.
 */
export type MeshPeerState = 'connecting' | 'connected' | 'interrupted' | 'reconnecting' | 'failed' | 'closed';

/** What a snapshot of the negotiation comes to, for people. */
export function peerStateOf({ value }: SnapshotFrom<typeof negotiationMachine>): MeshPeerState {
  if (value === 'closed') return 'closed';
  const { transport, presence } = value.open;
  switch (transport) {
    case 'connecting':
    case 'checking':
      return 'connecting';
    case 'failed':
      return 'failed';
    case 'connected':
      return presence === 'present' ? 'connected' : 'interrupted';
    default:
      return 'reconnecting';
  }
}
