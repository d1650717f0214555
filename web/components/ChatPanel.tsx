import { SendHorizontal } from 'lucide-react';
import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import type { Chat, ChatMessage } from '../call/chat.ts';
import { linksIn } from '../call/links.ts';
import { MAX_TEXT_LENGTH } from '../call/messages.ts';
import { nameOf } from '../call/people.ts';
import { useText } from '../i18n/language.tsx';
import { useStore } from '../store.ts';
import { Panel } from './Panel.tsx';

/** So near to its end the log is read at its end. */
const END_PX = 32;

export function ChatPanel({
  chat,
  isAlone,
  close,
}: {
  readonly chat: Chat;
  readonly isAlone: boolean;
  close(): void;
}) {
  const text = useText();
  const messages = useStore(chat.messages);
  const log = useRef<HTMLDivElement>(null);
  /** Who reads above, goes on reading there. */
  const isAtEnd = useRef(true);
  useEffect(() => {
    if (log.current === null) return;
    if (isAtEnd.current || messages.at(-1)?.isOwn) log.current.scrollTop = log.current.scrollHeight;
  }, [messages]);
  return (
    <Panel heading={text.chat.heading} close={close}>
      <div
        ref={log}
        className="chat-log"
        role="log"
        aria-label={text.chat.heading}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        tabIndex={0}
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
          isAtEnd.current = scrollHeight - scrollTop - clientHeight < END_PX;
        }}
      >
        {messages.length === 0 && <p className="hint">{text.chat.empty}</p>}
        {messages.map((message) => (
          <Message key={message.key} message={message} />
        ))}
      </div>
      {isAlone && messages.length > 0 && <p className="hint chat-nobody">{text.chat.nobody}</p>}
      <ChatForm chat={chat} />
    </Panel>
  );
}

function Message({ message }: { readonly message: ChatMessage }) {
  const text = useText();
  return (
    <div className={message.isOwn ? 'message own' : 'message'}>
      <p className="message-head">
        <bdi className="message-name">{nameOf(message, text)}</bdi>
        <time dateTime={new Date(message.at).toISOString()}>
          {new Date(message.at).toLocaleTimeString(text.locale, { timeStyle: 'short' })}
        </time>
      </p>
      <p className="message-text" dir="auto">
        {linksIn(message.text).map(({ start, text, url }) =>
          url === undefined ? (
            text
          ) : (
            <a key={start} href={url} target="_blank" rel="noopener noreferrer">
              {text}
            </a>
          ),
        )}
      </p>
    </div>
  );
}

function ChatForm({ chat }: { readonly chat: Chat }) {
  const text = useText();
  const id = useId();
  const [draft, setDraft] = useState('');
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    chat.send(draft);
    setDraft('');
    field.current?.focus(); // the button, disabled now, would lose it
  };
  return (
    <form className="chat-form" onSubmit={submit}>
      <label className="hidden" htmlFor={id}>
        {text.chat.message}
      </label>
      <input
        ref={field}
        id={id}
        value={draft}
        onChange={({ target }) => setDraft(target.value)}
        placeholder={text.chat.placeholder}
        maxLength={MAX_TEXT_LENGTH}
        autoComplete="off"
      />
      <button type="submit" className="button icon primary" disabled={draft.trim() === ''}>
        <SendHorizontal aria-hidden="true" />
        <span className="hidden">{text.chat.send}</span>
      </button>
    </form>
  );
}
