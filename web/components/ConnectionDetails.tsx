import type { Call } from '../call/call.ts';
import { nameOf, type Person } from '../call/people.ts';
import type { PeerStatistics } from '../call/statistics.ts';
import { statusOf } from '../call/status.ts';
import type { Text } from '../i18n/en.ts';
import { useText } from '../i18n/language.tsx';
import { useStore } from '../store.ts';
import { Panel } from './Panel.tsx';

/** What each connection is, and what passes through it: to find out why a call is as it is. */
export function ConnectionDetails({ call, close }: { readonly call: Call; close(): void }) {
  const text = useText();
  const { details } = text;
  const signaling = useStore(call.connection);
  const statistics = useStore(call.statistics.byPeer);
  const errors = useStore(call.errors);
  const others = useStore(call.people.list).filter(({ isSelf }) => !isSelf);
  return (
    <Panel heading={details.heading} close={close}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <section className="panel-body details" aria-label={details.heading} tabIndex={0}>
        <h3>{details.server}</h3>
        <Facts
          facts={[
            [details.state, statusOf(signaling, [], true, text).text],
            [details.reason, signaling.reason, 'en'], // in the client's own words
            [details.error, errors.get(undefined), 'en'],
            [details.attempt, signaling.attempt > 0 ? String(signaling.attempt) : undefined],
            [details.id, call.signaling.selfId],
          ]}
        />
        {others.length === 0 && <p className="hint">{details.nobody}</p>}
        {others.map((person) => (
          <section key={person.key} aria-label={nameOf(person, text)}>
            <h3>{nameOf(person, text)}</h3>
            <Facts
              facts={[
                ...factsOf(person, person.peer && statistics.get(person.peer), text),
                [details.error, person.peer && errors.get(person.peer), 'en'],
              ]}
            />
          </section>
        ))}
      </section>
    </Panel>
  );
}

type Fact = readonly [name: string, value: string | undefined, lang?: string];

function Facts({ facts }: { readonly facts: readonly Fact[] }) {
  return (
    <dl className="facts">
      {facts.map(
        ([name, value, lang]) =>
          value !== undefined && (
            <div key={name}>
              <dt>{name}</dt>
              <dd lang={lang}>{value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

function factsOf(
  { state, reason, peer }: Person,
  statistics: PeerStatistics | undefined,
  { details, participants, reasons }: Text,
): Fact[] {
  const isTroubled = state === 'connected' && reason !== undefined;
  const stateFacts: Fact[] = [
    [details.state, isTroubled ? participants.troubled : participants.states[state]],
    [details.reason, reason && reasons[reason]],
  ];
  if (statistics === undefined) return [...stateFacts, [details.id, peer?.id]];
  const { rttMs, route, bytesSent, bytesReceived, bitrateSent, bitrateReceived, inbound } = statistics;
  const audio = inbound.filter(({ kind }) => kind === 'audio');
  const video = inbound.filter(({ kind }) => kind === 'video');
  return [
    ...stateFacts,
    [details.rtt, rttMs === undefined ? undefined : rttMs < 1 ? '< 1 ms' : `${Math.round(rttMs)} ms`],
    [
      details.route,
      route &&
        details.routeOf(nameOfRoute(route.local), nameOfRoute(route.remote), route.protocol.toUpperCase()),
    ],
    [details.addresses, addressesOf(route)],
    [details.sent, amount(bytesSent, bitrateSent)],
    [details.received, amount(bytesReceived, bitrateReceived)],
    ...audio.map(
      ({ packets, lost, jitterMs, audioLevel }): Fact => [
        details.audio,
        [
          details.packets(packets, lost),
          jitterMs !== undefined && details.jitter(Math.round(jitterMs)),
          audioLevel !== undefined && details.level(audioLevel),
        ]
          .filter(Boolean)
          .join(' · '),
      ],
    ),
    ...video.map(
      ({ packets, lost, width, height, framesPerSecond }): Fact => [
        details.video,
        [
          width !== undefined &&
            height !== undefined &&
            details.frames(width, height, Math.round(framesPerSecond ?? 0)),
          details.packets(packets, lost),
        ]
          .filter(Boolean)
          .join(' · '),
      ],
    ),
    [details.id, peer?.id],
  ];

  function nameOfRoute(type: keyof typeof details.routeTypes): string {
    return `${details.routeTypes[type]} (${type})`;
  }
}

function addressesOf(route: PeerStatistics['route']): string | undefined {
  const { localAddress, remoteAddress } = route ?? {};
  return localAddress && remoteAddress ? `${localAddress} → ${remoteAddress}` : undefined;
}

/** `1.2 MB (340 kbit/s)` */
function amount(bytes: number, bitrate: number | undefined): string {
  const total = bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
  return bitrate === undefined ? total : `${total} (${Math.round(bitrate / 1000)} kbit/s)`;
}
