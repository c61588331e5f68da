import ipaddr from 'ipaddr.js';

/** A named list of ranges whose machines cannot be dialled (R1). */
export type NetworkRanges = { readonly name: string; readonly ranges: readonly string[] };
export type Classification = { readonly network: 'direct' | 'unreachable'; readonly networkName: string | null };

type Interval = { readonly kind: 'ipv4' | 'ipv6'; readonly from: bigint; readonly to: bigint; readonly name: string };
/** Answers which network, if any, a client with these addresses is in. */
export type Classifier = (ips: readonly string[]) => Classification;

const direct: Classification = { network: 'direct', networkName: null };

type Address = { readonly kind: 'ipv4' | 'ipv6'; readonly value: bigint };

const numberOf = (address: ipaddr.IPv4 | ipaddr.IPv6): bigint =>
  address.toByteArray().reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);

/** An address as a number; IPv4-mapped IPv6 addresses count as IPv4 (R1). Undefined when it is no address. */
const parseAddress = (text: string): Address | undefined => {
  if (!ipaddr.isValid(text)) return undefined;
  const address = ipaddr.process(text);
  return { kind: address.kind(), value: numberOf(address) };
};

/**
 * The addresses a range covers: `a-b`, a CIDR prefix, or one address.
 *
 * @throws {RangeError} with a message that names the range
 */
export const parseRange = (
  range: string,
): { readonly kind: 'ipv4' | 'ipv6'; readonly from: bigint; readonly to: bigint } => {
  const text = range.trim();
  if (text.includes('-')) return parseSpan(text);
  if (text.includes('/')) return parsePrefix(text);
  const only = parseAddress(text);
  if (!only) throw new RangeError(`"${range}" is no range; write 10.0.0.0/8, 192.168.1.10-192.168.1.99 or fd00::/8.`);
  return { kind: only.kind, from: only.value, to: only.value };
};

const parseSpan = (text: string) => {
  const [from, to, ...rest] = text.split('-').map((part) => parseAddress(part.trim()));
  if (!from || !to || rest.length > 0) throw new RangeError(`"${text}" is no range of two addresses.`);
  if (from.kind !== to.kind || from.value > to.value)
    throw new RangeError(`"${text}" does not run from a lower to a higher address.`);
  return { kind: from.kind, from: from.value, to: to.value };
};

const parsePrefix = (text: string) => {
  if (!ipaddr.isValidCIDR(text)) throw new RangeError(`"${text}" is no CIDR prefix.`);
  const [address, length] = ipaddr.parseCIDR(text);
  const mapped = address.kind() === 'ipv6' && (address as ipaddr.IPv6).isIPv4MappedAddress() && length >= 96;
  const base = mapped ? (address as ipaddr.IPv6).toIPv4Address() : address;
  const bits = base.kind() === 'ipv4' ? 32 : 128;
  const host = BigInt(bits - (mapped ? length - 96 : length));
  const from = (numberOf(base) >> host) << host;
  return { kind: base.kind(), from, to: from + (1n << host) - 1n };
};

/** Builds a classifier; where networks overlap, the one with the smallest range around the address wins. */
export const compileNetworks = (networks: readonly NetworkRanges[]): Classifier => {
  const intervals = networks
    .flatMap(({ name, ranges }) => ranges.map((range): Interval => ({ ...parseRange(range), name })))
    .sort((a, b) => compare(a.to - a.from, b.to - b.from));
  return (ips) => {
    for (const ip of ips) {
      const address = parseAddress(ip);
      const hit =
        address && intervals.find((i) => i.kind === address.kind && i.from <= address.value && address.value <= i.to);
      if (hit) return { network: 'unreachable', networkName: hit.name };
    }
    return direct;
  };
};

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
