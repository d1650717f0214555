import type { StateValueFrom } from 'xstate';
import type { signalingMachine } from './machines/signaling.ts';
import type { SignalingState } from './types.ts';
import type { ChartSnapshot } from './xstate/chart.ts';

/** What a snapshot of the connection's actor comes to, for people. */
export function stateOf({ value, context }: ChartSnapshot<typeof signalingMachine>): SignalingState {
  const { attempt, retryAt, reason, code } = context;
  const status = statusOf(value);
  if (status === 'connected') return { status, attempt: 0 };
  return {
    status,
    attempt,
    ...(status === 'waiting' && retryAt !== undefined && { retryAt }),
    ...(reason !== undefined && { reason }),
    ...(code !== undefined && { code }),
  };
}

function statusOf(value: StateValueFrom<typeof signalingMachine>): SignalingState['status'] {
  return value === 'doubtful' || value === 'draining' || value === 'moving' ? 'connected' : value;
}
