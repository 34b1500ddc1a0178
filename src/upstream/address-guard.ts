import { lookup } from 'node:dns';
import { BlockList, type LookupFunction, isIP } from 'node:net';
import { UpstreamError } from './upstream-error.ts';

/**
 * Where a request may go that an upstream, and not the operator, has named: redirects and token servers. A public
 * address always; a private one where the operator has listed the host, or where the upstream has a private address
 * itself; a link-local one (cloud metadata services) only where it is listed.
 */
export type AddressRule = 'any' | 'private' | 'public';

const linkLocal = blockList(['169.254.0.0/16'], ['fe80::/10', 'fd00:ec2::254/128']);
const privateRanges = blockList(
  [
    '0.0.0.0/8',
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '172.16.0.0/12',
    '192.0.0.0/24',
    '192.168.0.0/16',
    '198.18.0.0/15',
    '224.0.0.0/3',
  ],
  ['::/127', 'fc00::/7', 'ff00::/8', '64:ff9b::/96'],
);

function blockList(ipv4: readonly string[], ipv6: readonly string[]): BlockList {
  const list = new BlockList();
  for (const [family, ranges] of [
    ['ipv4', ipv4],
    ['ipv6', ipv6],
  ] as const) {
    for (const range of ranges) {
      const [network = '', prefix] = range.split('/');
      list.addSubnet(network, Number(prefix), family);
    }
  }
  return list;
}

export function isPrivate(address: string): boolean {
  return contains(privateRanges, address);
}

/** Whether the rule lets a request go to the address. */
export function allows(rule: AddressRule, address: string): boolean {
  if (rule === 'any') return true;
  if (contains(linkLocal, address)) return false;
  return rule === 'private' || !isPrivate(address);
}

function contains(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** Throws where the host is an address that the rule forbids: those are never looked up. */
export function checkLiteral(rule: AddressRule, hostname: string): void {
  const literal = hostname.replace(/^\[|\]$/g, '');
  if (isIP(literal) !== 0 && !allows(rule, literal)) throw forbidden(hostname);
}

/**
 * Creates a `dns.lookup` that gives only addresses that the rule allows: checked where the connection is made, so a name
 * cannot change its mind.
 */
export function guardedLookup(rule: AddressRule): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const allowed = error ? [] : addresses.filter(({ address }) => allows(rule, address));
      const [first] = allowed;
      if (error) callback(error, '');
      else if (!first) callback(forbidden(hostname), '');
      else if (options.all) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

function forbidden(hostname: string): UpstreamError {
  return new UpstreamError('failed', `${hostname} has an address that is not allowed`);
}
