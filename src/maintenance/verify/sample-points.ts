import { randomBytes } from 'node:crypto';

/**
 * Returns beginnings of digests at equal distances, from a random one on. The content behind them is a fair sample, because
 * digests are evenly distributed.
 */
export function samplePoints(count: number): readonly string[] {
  const offset = randomBytes(2).readUInt16BE() / 65_536;
  return Array.from({ length: count }, (_, index) => {
    const point = Math.floor(((index + offset) / count) * 2 ** 32);
    return `sha256:${point.toString(16).padStart(8, '0')}`;
  });
}
