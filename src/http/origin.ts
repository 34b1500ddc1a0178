import { BlockList, isIPv6 } from 'node:net';
import type { IncomingMessage } from 'node:http';

/** How clients see us from outside. */
export interface Origin {
  /** `https://registry.example.com`, without a slash at the end: what clients call us. */
  base(request: IncomingMessage): string;
  /** The client's address: the last one that a trusted proxy has vouched for. */
  clientAddress(request: IncomingMessage): string;
}

export interface OriginOptions {
  readonly publicUrl: string | undefined;
  /** Addresses and CIDR ranges of proxies whose `X-Forwarded-*` headers are believed. */
  readonly trustedProxies: readonly string[];
}

export function createOrigin({ publicUrl, trustedProxies }: OriginOptions): Origin {
  const trusted = blockList(trustedProxies);
  const configured = publicUrl?.replace(/\/+$/, '');
  const isTrusted = (address: string) => trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');

  /** The header's value, if it comes from a proxy that we believe. */
  function forwarded(request: IncomingMessage, name: string): string | undefined {
    const value = request.headers[name];
    return typeof value === 'string' && value !== '' && isTrusted(peer(request)) ? value : undefined;
  }

  return {
    base(request) {
      if (configured !== undefined) return configured;
      const scheme = firstOf(forwarded(request, 'x-forwarded-proto')) ?? ('encrypted' in request.socket ? 'https' : 'http');
      const host = firstOf(forwarded(request, 'x-forwarded-host')) ?? request.headers.host ?? 'localhost';
      return `${scheme === 'https' ? 'https' : 'http'}://${/^[A-Za-z0-9.:[\]_-]+$/.test(host) ? host : 'localhost'}`;
    },

    clientAddress(request) {
      const hops = forwarded(request, 'x-forwarded-for')?.split(',') ?? [];
      const outermost = hops
        .map((hop) => hop.trim())
        .reverse()
        .find((hop) => !isTrusted(hop));
      return outermost ?? peer(request);
    },
  };
}

/** IPv4 addresses of a dual-stack socket come as `::ffff:127.0.0.1`. */
function peer(request: IncomingMessage): string {
  return (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
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
