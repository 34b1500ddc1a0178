import { BlockList, isIP } from 'node:net';

/** Addresses of the link, among them the metadata services of clouds. */
export const linkLocal = blockList(['169.254.0.0/16'], ['fe80::/10', 'fd00:ec2::254/128']);

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

/** True for addresses that are not on the Internet. */
export function isPrivate(address: string): boolean {
  return contains(privateRanges, address);
}

/** True if the list contains the address. */
export function contains(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}
