import { useSelector } from '@xstate/react';
import { useText } from '../i18n/language.tsx';
import { useServices } from '../services.ts';
import { Entrance } from './Entrance.tsx';
import { Preview } from './Preview.tsx';
import { Troubles } from './Troubles.tsx';

/** Before a call: how one looks and sounds, what one is called, and the way in. */
export function Lobby({ isEntering }: { readonly isEntering: boolean }) {
  const { actor } = useServices();
  const text = useText();
  const isInvited = useSelector(actor, ({ context }) => context.roomId !== undefined);
  const notice = useSelector(actor, ({ context }) => context.notice);
  const { start } = text;
  const [heading, lead] =
    notice === 'left'
      ? [start.leftHeading, start.leftLead]
      : isInvited
        ? [start.invited, start.invitedLead]
        : [start.heading, start.lead];
  return (
    <main className="lobby" tabIndex={-1}>
      <div className="lobby-main">
        <h1>{heading}</h1>
        <p className="lead">{lead}</p>
        <Troubles />
        <Entrance isEntering={isEntering} />
      </div>
      <Preview />
    </main>
  );
}
