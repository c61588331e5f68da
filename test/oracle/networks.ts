import { BlockList, isIPv6 } from 'node:net';
import type { UnreachableNetwork } from './history.js';

/** R1: the network of the first of the IPs that lies in one: `a-b`, IPv4 CIDR, or IPv6 prefix/length; null: direct. */
export function networkOf(ips: readonly string[], networks: readonly UnreachableNetwork[]): string | null {
  for (const ip of ips) {
    const network = networks.find(({ ranges }) => ranges.some((range) => contains(range, mappedAsIPv4(ip))));
    if (network) return network.name;
  }
  return null;
}

/** Ranges once read, because reading one is slow. */
const lists = new Map<string, BlockList>();

function contains(range: string, ip: string): boolean {
  const list = lists.get(range) ?? read(range);
  lists.set(range, list);
  return list.check(ip, family(ip));
}

function read(range: string): BlockList {
  const list = new BlockList();
  const [first = '', last] = range.split('-');
  const [address = '', prefix] = range.split('/');
  if (last !== undefined) list.addRange(first, last, 'ipv4');
  else list.addSubnet(address, Number(prefix), family(address));
  return list;
}

/** R1: IPv4-mapped IPv6 addresses match as IPv4. */
function mappedAsIPv4(ip: string): string {
  return ip.replace(/^::ffff:(?=\d+\.)/i, '');
}

function family(ip: string): 'ipv4' | 'ipv6' {
  return isIPv6(ip) ? 'ipv6' : 'ipv4';
}
