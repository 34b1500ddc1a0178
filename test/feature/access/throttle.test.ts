import { beforeEach, describe, expect, test } from '@jest/globals';
import { type Throttle, createThrottle } from '../../../src/access/credentials/throttle.ts';

let now = 0;
let throttle: Throttle;
beforeEach(() => {
  now = 1_000_000;
  throttle = createThrottle(() => now);
});
const fail = (times: number, name: string, address: string) => {
  for (let count = 0; count < times; count++) throttle.recordAttempt(name, address);
};
const waits = (name: string, address: string, isProven = false) => throttle.waitSeconds(name, address, isProven) > 0;

describe('guesses of passwords are delayed', () => {
  test('after ten wrong passwords for a name, at most half a minute, and less as time goes by', () => {
    fail(9, 'alice', '10.0.0.1');
    expect(throttle.waitSeconds('alice', '10.0.0.1', false)).toBe(0);
    fail(1, 'alice', '10.0.0.1');
    expect(throttle.waitSeconds('alice', '10.0.0.1', false)).toBe(30);
    fail(5, 'alice', '10.0.0.1');
    expect(throttle.waitSeconds('alice', '10.0.0.1', false)).toBe(30);
    now += 160_000;
    expect(throttle.waitSeconds('alice', '10.0.0.1', false)).toBe(20);
    now += 20_000;
    expect(throttle.waitSeconds('alice', '10.0.0.1', false)).toBe(0);
    fail(1, 'alice', '10.0.0.1');
    expect(waits('alice', '10.0.0.1')).toBe(true);
  });

  test('after a hundred wrong ones for many names', () => {
    for (let count = 0; count < 100; count++) throttle.recordAttempt(`name-${count}`, '10.0.0.1');
    expect(waits('another', '10.0.0.1')).toBe(true);
  });

  test('from all addresses of an IPv6 network, in every spelling', () => {
    for (let count = 0; count < 10; count++) throttle.recordAttempt('alice', `2001:db8:0:1::${count}`);
    expect(waits('alice', '2001:db8:0:1:ffff:ffff:ffff:ffff')).toBe(true);
    expect(waits('alice', '2001:db8::1:0:0:0:1')).toBe(true);
    expect(waits('alice', '2001:db8:0:2::1')).toBe(false);
  });
});

describe('logins are not delayed', () => {
  test('from elsewhere, however much is guessed', () => {
    for (let host = 0; host < 200; host++) fail(50, 'alice', `10.0.1.${host}`);
    expect(waits('alice', '10.0.0.9')).toBe(false);
  });

  test('of another name at the same address, unless the address guesses wildly', () => {
    fail(50, 'alice', '10.0.0.1');
    expect(waits('bob', '10.0.0.1')).toBe(false);
  });

  test('at an address that lately had the right password', () => {
    fail(500, 'alice', '10.0.0.1');
    expect(waits('alice', '10.0.0.1', true)).toBe(false);
    fail(600, 'alice', '10.0.0.1');
    expect(waits('alice', '10.0.0.1', true)).toBe(true);
  });

  test('by right passwords', () => {
    for (let count = 0; count < 1000; count++) {
      throttle.recordAttempt('alice', '10.0.0.1');
      throttle.recordSuccess('alice', '10.0.0.1');
    }
    expect(waits('alice', '10.0.0.1') || waits('bob', '10.0.0.1')).toBe(false);
  });

  test('after the right password', () => {
    fail(9, 'alice', '10.0.0.1');
    throttle.recordSuccess('alice', '10.0.0.1');
    fail(9, 'alice', '10.0.0.1');
    expect(waits('alice', '10.0.0.1')).toBe(false);
  });
});
