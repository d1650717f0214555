const ALPHABET = /^[\w-]*$/;

/**
 * Decodes base64url without padding (RFC 7515, section 2). Undefined unless the text is exactly what encoding its bytes
 * gives: Buffer ignores characters that it does not know, and so many texts would be one token.
 */
export function fromBase64url(text: string): Buffer | undefined {
  if (!ALPHABET.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}
