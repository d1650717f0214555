import { useSelector } from '@xstate/react';
import { useEffect, useRef } from 'react';
import { Header } from './components/Header.tsx';
import { LeaveQuestion } from './components/LeaveQuestion.tsx';
import { Lobby } from './components/Lobby.tsx';
import { Returning } from './components/Returning.tsx';
import { RoomView } from './components/RoomView.tsx';
import { useText } from './i18n/language.tsx';
import { useServices } from './services.ts';

export function App() {
  const { actor } = useServices();
  const text = useText();
  const call = useSelector(actor, ({ context }) => context.call);
  const isInRoom = useSelector(actor, (snapshot) => snapshot.matches({ call: 'inRoom' }));
  const isAsked = useSelector(actor, (snapshot) => snapshot.matches({ call: { inRoom: 'asked' } }));
  const isReturning = useSelector(actor, ({ context }) => context.isReturning);
  useEffect(() => {
    document.title = isInRoom ? text.titleInRoom : text.title;
  }, [isInRoom, text]);
  useFocusOnChange(isInRoom);
  return (
    <div className={`page ${isInRoom ? 'page-room' : 'page-lobby'}`}>
      <Header call={call} isInRoom={isInRoom} />
      {isInRoom && call !== undefined ? (
        <RoomView call={call} />
      ) : isReturning ? (
        <Returning />
      ) : (
        <Lobby isEntering={call !== undefined} />
      )}
      {isAsked && <LeaveQuestion />}
    </div>
  );
}

/** The focused element goes away with its view: the keyboard goes on at the beginning of the next view. */
function useFocusOnChange(isInRoom: boolean): void {
  const before = useRef(isInRoom);
  useEffect(() => {
    if (before.current !== isInRoom) document.querySelector('main')?.focus();
    before.current = isInRoom;
  }, [isInRoom]);
}
