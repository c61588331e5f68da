import type { FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';
import { BlockList, isIPv6 } from 'node:net';

/** An address as it is shown and compared: IPv4 in IPv6 as IPv4, without the zone. */
export const plainAddress = (text: string | undefined): string => {
  if (text === undefined || !ipaddr.isValid(text)) return 'unknown';
  return ipaddr.process(text.split('%')[0] ?? text).toString();
};

/** Where a request came from: behind trusted proxies, what the outermost of them was asked by. */
export const addressOf = (request: FastifyRequest): string => plainAddress(request.ip);

/** Who counts as one: an IPv4 address, or the 64 bits of an IPv6 address that are a site's. */
export const neighbourhoodOf = (address: string): string => {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString();
  return parsed.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':');
};

/** Whether an address is one of these, or in one of these networks. */
export const isAmong = (networks: readonly string[]): ((address: string) => boolean) => {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (address) => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
};
