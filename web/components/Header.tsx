import type { Call } from '../call/call.ts';
import { NOBODY } from '../call/people.ts';
import { useText } from '../i18n/language.tsx';
import { useStore } from '../store.ts';
import { ConnectionStatus } from './ConnectionStatus.tsx';
import { Invitation } from './Invitation.tsx';
import { LanguageSwitch } from './LanguageSwitch.tsx';

export function Header({ call, isInRoom }: { readonly call: Call | undefined; readonly isInRoom: boolean }) {
  const text = useText();
  const isAlone = useStore(call?.people.list ?? NOBODY).length < 2; // then RoomView has the invitation
  return (
    <header className="header">
      {isInRoom ? (
        <span className="brand">
          <img src="./icon.svg" alt="" width="28" height="28" />
          <span className="brand-name">{text.title}</span>
        </span>
      ) : (
        <a className="brand" href="./">
          <img src="./icon.svg" alt="" width="28" height="28" />
          <span className="brand-name">{text.title}</span>
        </a>
      )}
      <ConnectionStatus call={call} isInRoom={isInRoom} />
      <div className="header-end">{isInRoom ? !isAlone && <Invitation /> : <LanguageSwitch />}</div>
    </header>
  );
}
