import { useEffect, useState } from 'react';
import type { SignalingState } from '../../src/client/index.ts';
import type { Call } from '../call/call.ts';
import { NOBODY } from '../call/people.ts';
import type { PeerStatistics } from '../call/statistics.ts';
import { type Status, statusOf } from '../call/status.ts';
import { useText } from '../i18n/language.tsx';
import { Store, useStore } from '../store.ts';

const NO_CONNECTION = new Store<SignalingState | undefined>(undefined);
const NO_STATISTICS = new Store<ReadonlyMap<unknown, PeerStatistics>>(new Map());

/** The truth about the connections, in a line: to the server, to the others, and what is being done about trouble. */
export function ConnectionStatus({
  call,
  isInRoom,
}: {
  readonly call: Call | undefined;
  readonly isInRoom: boolean;
}) {
  const text = useText();
  const signaling = useStore<SignalingState | undefined>(call?.connection ?? NO_CONNECTION);
  const people = useStore(call?.people.list ?? NOBODY);
  const statistics = useStore<ReadonlyMap<unknown, PeerStatistics>>(call?.statistics.byPeer ?? NO_STATISTICS);
  const status = statusOf(signaling, people, isInRoom, text);
  const roundTrips = people.flatMap(({ peer }) => statistics.get(peer)?.rttMs ?? []);
  return (
    <div className={`status status-${status.tone}`}>
      <span className="status-dot" aria-hidden="true" />
      {/* What changes by the second is shown, but not read out. */}
      <p role="status">
        {status.text}
        <Countdown status={status} />
        {status.aside !== undefined && ` ${status.aside}`}
        {status.tone === 'good' && roundTrips.length > 0 && (
          <span className="status-rtt" aria-hidden="true">
            {' '}
            {text.status.rtt(Math.round(Math.max(...roundTrips)))}
          </span>
        )}
      </p>
    </div>
  );
}

function Countdown({ status: { retryAt } }: { readonly status: Status }) {
  const text = useText();
  const now = useNow(retryAt !== undefined);
  if (retryAt === undefined) return null;
  const seconds = Math.max(1, Math.ceil((retryAt - now) / 1000));
  return <span aria-hidden="true"> {text.status.waitingFor(seconds)}</span>;
}

function useNow(isCounting: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!isCounting) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [isCounting]);
  return now;
}
