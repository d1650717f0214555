import { useSelector } from '@xstate/react';
import type { Notice } from '../call/notice.ts';
import type { Text } from '../i18n/en.ts';
import { useText } from '../i18n/language.tsx';
import { useServices } from '../services.ts';
import { Entrance } from './Entrance.tsx';
import { Preview } from './Preview.tsx';
import { Troubles } from './Troubles.tsx';

/** Before a call: how the user looks and sounds, their name, and the way in. */
export function Lobby({ isEntering }: { readonly isEntering: boolean }) {
  const { actor } = useServices();
  const { start } = useText();
  const isInvited = useSelector(actor, ({ context }) => context.roomId !== undefined);
  const notice = useSelector(actor, ({ context }) => context.notice);
  const [heading, lead] = introduction(notice, isInvited, start);
  return (
    <main className="lobby" tabIndex={-1} data-invited={isInvited}>
      <div className="lobby-head">
        <h1>{heading}</h1>
        <p className="lead">{lead}</p>
        <Troubles />
      </div>
      <Preview />
      <Entrance isEntering={isEntering} />
    </main>
  );
}

/** The heading never invites to a room that cannot be entered. */
function introduction(
  notice: Notice | undefined,
  isInvited: boolean,
  start: Text['start'],
): readonly [heading: string, lead: string] {
  switch (notice) {
    case 'left':
      return [start.leftHeading, start.leftLead];
    case 'moved':
      return [start.movedHeading, start.movedLead];
    case 'roomNotFound':
      return [start.goneHeading, start.goneLead];
    case 'roomFull':
      return [start.fullHeading, start.fullLead];
    case 'badLink':
      return [start.badHeading, start.badLead];
    case 'failed':
    case 'serverFull':
    case 'tooManyAttempts':
      return [start.failedHeading, start.failedLead];
    default:
      return isInvited ? [start.invited, start.invitedLead] : [start.heading, start.lead];
  }
}
