/** tchar of RFC 9110 section 5.6.2. */
export const TOKEN = 1;
/** Bytes of a request target: VCHAR without `#`, which never reaches a server (RFC 9112 section 3.2). */
export const TARGET = 2;
/** Bytes of a field value: HTAB, SP, VCHAR, obs-text (RFC 9110 section 5.5). */
export const VALUE = 4;
/** Bytes of a reg-name or IPv4 host (RFC 3986 section 3.2.2) without `,`, which would make a list of a singleton. */
export const HOST = 8;
export const DIGIT = 16;
/** Bytes of an IP-literal between its brackets. */
export const IP_LITERAL = 64;

/** The classes of every byte, or-ed together. One lookup answers each question a parser asks about a byte. */
export const CLASSES: Uint8Array = buildClasses();

/** The value of a hexadecimal digit; 255 for other bytes. */
export const HEX_VALUES: Uint8Array = buildHexValues();

function buildClasses(): Uint8Array {
  const classes = new Uint8Array(256);
  const add = (characters: string, bit: number): void => {
    for (let i = 0; i < characters.length; i++) classes[characters.charCodeAt(i)]! |= bit;
  };
  const digits = '0123456789';
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  add(`${digits}${letters}!#$%&'*+-.^_\`|~`, TOKEN);
  add(`${digits}${letters}-._~%!$&'()*+;=`, HOST);
  add(`${digits}ABCDEFabcdef:.vV`, IP_LITERAL);
  add(digits, DIGIT);
  add('\t ', VALUE);
  for (let byte = 0x21; byte <= 0x7e; byte++) {
    classes[byte]! |= VALUE;
    if (byte !== 0x23) classes[byte]! |= TARGET;
  }
  for (let byte = 0x80; byte <= 0xff; byte++) classes[byte]! |= VALUE;
  return classes;
}

function buildHexValues(): Uint8Array {
  const values = new Uint8Array(256).fill(255);
  for (let i = 0; i < 10; i++) values[0x30 + i] = i;
  for (let i = 0; i < 6; i++) {
    values[0x41 + i] = 10 + i;
    values[0x61 + i] = 10 + i;
  }
  return values;
}
