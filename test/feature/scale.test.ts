import { expect, test } from '@jest/globals';
import { predict } from '../../bench/scale/model.ts';
import { simulate } from '../../bench/scale/simulate.ts';

const options = { images: 2000, clients: 50, operations: 20_000, pushPart: 0.07, seed: 1 };
const profile = simulate(options);

test('the trace has the published distribution', () => {
  expect(profile.layersBelow1MB).toBeCloseTo(0.65, 1);
  expect(profile.layersBelow10MB).toBeCloseTo(0.8, 1);
  expect(profile.pullPart).toBeGreaterThan(0.9);
  expect(profile.pullPart).toBeLessThan(0.95);
});

test('the same seed gives the same trace', () => {
  expect(simulate(options)).toEqual(profile);
  expect(simulate({ ...options, seed: 2 })).not.toEqual(profile);
});

test('a hundred times the pulls cost a hundred times the CPU, and a small installation needs two replicas too', () => {
  const costs = {
    manifestGet: 1e-4,
    blobRedirect: 1e-4,
    blobPush: 1e-3,
    manifestPut: 1e-3,
    pushedByte: 1e-9,
    read: 1e-4,
    write: 1e-3,
  };
  const demands = {
    readsPerManifestGet: 1,
    readsPerBlobGet: 1,
    writesPerBlobPush: 3,
    writesPerManifestPut: 1,
    s3PerSmallBlobPush: 5,
    s3PerManifestPut: 1,
  };
  const [small, large] = [predict(1e4, profile, costs, demands), predict(1e6, profile, costs, demands)];
  expect(large.requestsPerSecond / small.requestsPerSecond).toBeCloseTo(100);
  expect(large.dollarsPerDay / small.dollarsPerDay).toBeCloseTo(100);
  expect(small.replicas).toBe(2);
});
