/** What counts as a secret, by its name and by its look. SDP and candidates carry addresses and ICE passwords. */

/** Names without their case, dashes and underscores. */
const NAMES =
  /(?:sdp|sdpmid|candidates?|usernamefragment|ufrag|pwd)$|token|secret|passw(?:or)?d|passphrase|authorization|credential|cookie|apikey|privatekey|jwt|ticket/;

/** Whether what stands under this name is a secret: `sdp`, `resume_token`, `Authorization`. */
export function isSecretName(name: string): boolean {
  return NAMES.test(name.replace(/[^a-z0-9]/gi, '').toLowerCase());
}

/** What stands in the place of a secret. Its length is no secret, and helps to tell an empty one. */
export function placeholder(secret: unknown): string {
  if (typeof secret !== 'string') return '[redacted]';
  return `[redacted ${secret.length} character${secret.length === 1 ? '' : 's'}]`;
}

/**
 * Where secrets begin in running text: after a name, as in `token=…`, `\"sdp\":\"…` and `["token","…`, or with
 * what only an SDP, a JWT or a credential looks like. Every repetition is bounded, so the time is linear.
 */
const BEGINNINGS = [
  // Except `Offer.sdp: Invalid type: Expected string but received undefined`, which gives nothing away.
  /(?:sdp(?:[-_]?mid)?|(?<![a-z])candidates?|username[-_]?fragment|ufrag|pwd|(?:token|secret|passw(?:or)?d|passphrase|authorization|credential|cookie|api[-_]?key|private[-_]?key|jwt|ticket)[\w-]{0,40})[\\"'`]{0,40}\s{0,8}(?:[:=]|,\s{0,8}\\{0,40}["'])(?!\s{0,8}Invalid type: Expected [^:]{1,80} but received [A-Za-z]{1,20}$)/i,
  /\bbearer\s{1,8}(?=[\w+/=.-]{8})/i,
  /\b(?=eyJ[\w-]{8,2000}\.)/,
  /(?<![\w-])(?=v=0(?:[\r\n\\]|\s{1,8}o=))/,
  /(?<![\w-])(?=a=(?:candidate|ice-|fingerprint|crypto))/i,
  /(?<![\w-])(?=o=\S{1,200} \d{1,20} \d{1,20} IN IP)/,
];

/**
 * Running text without its secrets. Where a value ends cannot be known (it may be quoted, escaped or cut), so
 * everything after the beginning of the first one goes.
 */
export function redactText(text: string): string {
  let end = text.length;
  for (const beginning of BEGINNINGS) {
    const match = beginning.exec(text);
    if (match !== null) end = Math.min(end, match.index + match[0].length);
  }
  const secret = text.slice(end);
  return secret.trim() === '' ? text : `${text.slice(0, end)} ${placeholder(secret)}`;
}
