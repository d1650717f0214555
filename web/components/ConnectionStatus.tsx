import { useEffect, useState } from 'react';
import type { SignalingState } from '../../src/client/index.ts';
import type { Call } from '../call/call.ts';
import { NOBODY } from '../call/people.ts';
import type { StatisticsByPeer } from '../call/statistics.ts';
import { statusOf } from '../call/status.ts';
import { useText } from '../i18n/language.tsx';
import { Store, useStore } from '../store.ts';

const NO_CONNECTION = new Store<SignalingState | undefined>(undefined);
const NO_STATISTICS = new Store<StatisticsByPeer>(new Map());

/** How the connections to the server and to the others are, in one line. */
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
  const statistics = useStore(call?.statistics.byPeer ?? NO_STATISTICS);
  const status = statusOf(
    signaling,
    people,
    isInRoom,
    text,
    ({ peer }) => (peer && statistics.get(peer)?.quality) ?? 'good',
  );
  const roundTrips = people.flatMap(({ peer }) => (peer && statistics.get(peer)?.rttMs) ?? []);
  const isMeasured = ['good', 'weak'].includes(status.tone) && roundTrips.length > 0;
  return (
    <div className={`status status-${status.tone}`}>
      <span className="status-dot" aria-hidden="true" />
      <p className="status-line">
        <span role="status">{status.text}</span>
        {/* What changes by the second is shown, and not read out. */}
        {status.retryAt !== undefined && <Countdown key={status.retryAt} retryAt={status.retryAt} />}
        {isMeasured && (
          <span className="status-rtt" aria-hidden="true">
            {text.status.rtt(Math.round(Math.max(...roundTrips)))}
          </span>
        )}
      </p>
    </div>
  );
}

/** Mounted anew for each `retryAt`, so that it never counts from an old time. */
function Countdown({ retryAt }: { readonly retryAt: number }) {
  const text = useText();
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.max(1, Math.ceil((retryAt - now) / 1000));
  return (
    <span className="status-countdown" aria-hidden="true">
      {text.status.waitingFor(seconds)}
    </span>
  );
}
