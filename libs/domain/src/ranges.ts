import ipaddr from 'ipaddr.js';

/** An address as a number, with its family. */
export type Address = { readonly kind: 'ipv4' | 'ipv6'; readonly value: bigint };
/** The addresses of one family from `from` up to `to`, both included. */
export type AddressRange = { readonly kind: 'ipv4' | 'ipv6'; readonly from: bigint; readonly to: bigint };

const numberOf = (address: ipaddr.IPv4 | ipaddr.IPv6): bigint =>
  'octets' in address
    ? BigInt(address.octets.reduce((number, octet) => number * 256 + octet, 0))
    : address.parts.reduce((number, part) => (number << 16n) | BigInt(part), 0n);

/** IPv4 is four decimal parts: `10.1`, `010.0.0.1` and the like mean one thing here and another there. */
const ipv4Form = /^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/;

/** Undefined when the text is no address. */
const read = (text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined => {
  try {
    if (text.includes(':')) return ipaddr.IPv6.parse(text);
    return ipv4Form.test(text) ? ipaddr.IPv4.parse(text) : undefined;
  } catch {
    return undefined;
  }
};

/**
 * An address as a number; undefined when the text is none. IPv4-mapped IPv6 addresses count as IPv4 (R1), and a zone
 * (`fe80::1%eth0`) is left out, for it names an interface of the machine and not a place in a network.
 */
export const parseAddress = (text: string): Address | undefined => {
  const address = read(text);
  if (!address) return undefined;
  const plain = isMapped(address) ? address.toIPv4Address() : address;
  return { kind: plain.kind(), value: numberOf(plain) };
};

const isMapped = (address: ipaddr.IPv4 | ipaddr.IPv6): address is ipaddr.IPv6 =>
  'parts' in address && address.isIPv4MappedAddress();

/**
 * The addresses a range covers: `a-b`, a CIDR prefix, or one address (R1).
 *
 * @throws {RangeError} with a message that names the range
 */
export const parseRange = (range: string): AddressRange => {
  const text = range.trim();
  if (text.includes('%')) throw new RangeError(`"${range}" has a zone; write the range without it.`);
  if (text.includes('-')) return parseSpan(text);
  if (text.includes('/')) return parsePrefix(text);
  const only = parseAddress(text);
  if (!only) throw new RangeError(`"${range}" is no range; write 10.0.0.0/8, 192.168.1.10-192.168.1.99 or fd00::/8.`);
  return { kind: only.kind, from: only.value, to: only.value };
};

const parseSpan = (text: string): AddressRange => {
  const [from, to, ...rest] = text.split('-').map((part) => parseAddress(part.trim()));
  if (!from || !to || rest.length > 0) throw new RangeError(`"${text}" is no range of two addresses.`);
  if (from.kind !== to.kind || from.value > to.value)
    throw new RangeError(`"${text}" does not run from a lower to a higher address.`);
  return { kind: from.kind, from: from.value, to: to.value };
};

const parsePrefix = (text: string): AddressRange => {
  const slash = text.indexOf('/');
  const address = read(text.slice(0, slash));
  const length = text.slice(slash + 1);
  const bits = address?.kind() === 'ipv4' ? 32 : 128;
  if (!address || !/^\d{1,3}$/.test(length) || Number(length) > bits)
    throw new RangeError(`"${text}" is no CIDR prefix.`);
  const host = BigInt(bits - Number(length));
  const plain = isMapped(address) && host <= 32n ? address.toIPv4Address() : address;
  const from = (numberOf(plain) >> host) << host;
  return { kind: plain.kind(), from, to: from + (1n << host) - 1n };
};
