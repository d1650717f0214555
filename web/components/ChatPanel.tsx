import { ArrowDown, SendHorizontal } from 'lucide-react';
import { type FormEvent, type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import type { Chat, ChatMessage } from '../call/chat.ts';
import { linksIn } from '../call/links.ts';
import { MAX_TEXT_LENGTH } from '../call/messages.ts';
import { nameOf } from '../call/people.ts';
import { useText } from '../i18n/language.tsx';
import { useStore } from '../store.ts';
import { Panel } from './Panel.tsx';

/** A log that is scrolled this near to its end shows new messages. */
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
  /** A user who reads older messages goes on reading there. */
  const isAtEnd = useRef(true);
  const [readUpTo, setReadUpTo] = useState(messages.at(-1)?.key ?? 0);
  const unread = messages.filter(({ key, isOwn }) => !isOwn && key > readUpTo).length;
  const toEnd = (): void => {
    if (log.current !== null) log.current.scrollTop = log.current.scrollHeight;
  };
  const readAll = () => setReadUpTo(messages.at(-1)?.key ?? 0);
  useEffect(() => {
    if (!isAtEnd.current && !messages.at(-1)?.isOwn) return;
    if (log.current !== null) log.current.scrollTop = log.current.scrollHeight;
    setReadUpTo(messages.at(-1)?.key ?? 0);
  }, [messages]);
  return (
    <Panel heading={text.chat.heading} close={close}>
      <div className="chat-log-frame">
        <div
          ref={log}
          className="chat-log"
          role="log"
          aria-label={text.chat.heading}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
          tabIndex={0}
          onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
            isAtEnd.current = scrollHeight - scrollTop - clientHeight < END_PX;
            if (isAtEnd.current) readAll();
          }}
        >
          {messages.length === 0 && <p className="hint">{text.chat.empty}</p>}
          {messages.map((message) => (
            <Message key={message.key} message={message} />
          ))}
        </div>
        {unread > 0 && (
          <button
            type="button"
            className="button primary chat-new"
            onClick={() => {
              toEnd();
              log.current?.focus(); // the button goes away
            }}
          >
            <ArrowDown aria-hidden="true" />
            {text.chat.newMessages(unread)}
          </button>
        )}
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
  const draft = useStore(chat.draft);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  const send = (): void => {
    if (draft.trim() === '') return;
    chat.send(draft);
    chat.draft.set('');
    field.current?.focus(); // the button, disabled now, would lose it
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    send();
  };
  /** Enter sends and Shift+Enter begins a line. Enter that chooses a word of an input method does neither. */
  const pressed = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <form className="chat-form" onSubmit={submit}>
      <label className="hidden" htmlFor={id}>
        {text.chat.message}
      </label>
      <textarea
        ref={field}
        id={id}
        rows={1}
        value={draft}
        onChange={({ target }) => chat.draft.set(target.value)}
        onKeyDown={pressed}
        placeholder={text.chat.placeholder}
        maxLength={MAX_TEXT_LENGTH}
        autoComplete="off"
        enterKeyHint="send"
      />
      <button type="submit" className="button icon primary" disabled={draft.trim() === ''}>
        <SendHorizontal aria-hidden="true" />
        <span className="hidden">{text.chat.send}</span>
      </button>
    </form>
  );
}
