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

function contains(range: string, ip: string): boolean {
  const list = new BlockList();
  const [first = '', last] = range.split('-');
  const [address = '', prefix] = range.split('/');
  if (last !== undefined) list.addRange(first, last, 'ipv4');
  else list.addSubnet(address, Number(prefix), family(address));
  return list.check(ip, family(ip));
}

/** R1: IPv4-mapped IPv6 addresses match as IPv4. */
function mappedAsIPv4(ip: string): string {
  return ip.replace(/^::ffff:(?=\d+\.)/i, '');
}

function family(ip: string): 'ipv4' | 'ipv6' {
  return isIPv6(ip) ? 'ipv6' : 'ipv4';
}
