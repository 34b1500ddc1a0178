import { lookup } from 'node:dns';
import { type LookupFunction, isIP } from 'node:net';
import { contains, isPrivate, linkLocal } from './private-addresses.ts';
import { UpstreamError } from './upstream-error.ts';

/**
 * Where a request may go that an upstream, and not the operator, has named: redirects and token servers. A public
 * address always; a private one where the operator has listed the host, or where the upstream has a private address
 * itself; a link-local one (cloud metadata services) only where it is listed.
 */
export type AddressRule = 'any' | 'private' | 'public';

/** Whether the rule lets a request go to the address. */
export function allows(rule: AddressRule, address: string): boolean {
  if (rule === 'any') return true;
  if (contains(linkLocal, address)) return false;
  return rule === 'private' || !isPrivate(address);
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
