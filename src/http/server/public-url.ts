import { BlockList, type Socket, isIP, isIPv6 } from 'node:net';
import type { IncomingMessage } from 'node:http';

/** The server as clients see it. */
export interface PublicUrl {
  /** Returns the URL that clients use, without a slash at the end: `https://registry.example.com`. */
  base(request: IncomingMessage): string;
  /** Returns the client's IP address: the last one that a trusted proxy has reported. */
  clientAddress(request: IncomingMessage): string;
  /** True if a trusted proxy sends the request. */
  isProxied(request: IncomingMessage): boolean;
  /** Host name of the public URL; undefined if none is configured. */
  readonly publicHostname: string | undefined;
}

export interface PublicUrlOptions {
  readonly publicUrl: string | undefined;
  /** Addresses and CIDR ranges of proxies whose `X-Forwarded-*` headers count. */
  readonly trustedProxies: readonly string[];
}

export function createPublicUrl({ publicUrl, trustedProxies }: PublicUrlOptions): PublicUrl {
  const trusted = blockList(trustedProxies);
  const configured = publicUrl?.replace(/\/+$/, '');
  const isTrusted = (address: string) => trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');

  /** Returns the header's value if a trusted proxy has sent it. */
  function forwarded(request: IncomingMessage, name: string): string | undefined {
    const value = request.headers[name];
    return typeof value === 'string' && value !== '' && isTrusted(peer(request)) ? value : undefined;
  }

  return {
    publicHostname: URL.parse(configured ?? '')?.hostname,
    isProxied: (request) => isTrusted(peer(request)),

    base(request) {
      if (configured !== undefined) return configured;
      const scheme = firstOf(forwarded(request, 'x-forwarded-proto')) ?? ('encrypted' in request.socket ? 'https' : 'http');
      const host = firstOf(forwarded(request, 'x-forwarded-host')) ?? request.headers.host ?? 'localhost';
      return `${scheme === 'https' ? 'https' : 'http'}://${isHost(host) ? host : 'localhost'}`;
    },

    clientAddress(request) {
      let nearest = peer(request);
      const hops = forwarded(request, 'x-forwarded-for');
      if (hops === undefined) return nearest;
      for (const hop of hops.split(',').reverse()) {
        const address = addressOf(hop.trim());
        // Hops before one that is not an address cannot be attributed to a trusted proxy.
        if (address === undefined) break;
        nearest = address;
        if (!isTrusted(address)) break;
      }
      return nearest;
    },
  };
}

/** True for a host name or an IP address, with or without a port, as a `Host` header has it. */
export function isHost(text: string): boolean {
  return /^[A-Za-z0-9.:[\]_-]+$/.test(text) && URL.canParse(`http://${text}`);
}

/** Addresses of the connections' other ends. */
const peers = new WeakMap<Socket, string>();

function peer({ socket }: IncomingMessage): string {
  const known = peers.get(socket);
  if (known !== undefined) return known;
  const address = addressOf(socket.remoteAddress ?? '') ?? '';
  if (address !== '') peers.set(socket, address);
  return address;
}

/**
 * Returns the address of a hop in the form that the rest of berth uses: without a port (`10.0.0.1:4711`, `[2001:db8::1]:4711`),
 * without a zone, and IPv4 in its own form (`::ffff:10.0.0.1`). Undefined if the text is not an IP address.
 */
function addressOf(hop: string): string | undefined {
  const [, bracketed, withPort] = /^(?:\[([^\]]+)\](?::\d{1,5})?|(\d+\.\d+\.\d+\.\d+):\d{1,5})$/.exec(hop) ?? [];
  const address = (bracketed ?? withPort ?? hop).replace(/%.*$/, '');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return isIP(mapped ?? address) === 0 ? undefined : (mapped ?? address);
}

function firstOf(list: string | undefined): string | undefined {
  return list?.split(',')[0]?.trim();
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}
