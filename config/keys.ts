import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';

/** The kinds of configuration keys. */

/** A key with one value. */
export interface Key<Value> {
  readonly kind: 'key';
  /** The default as written in YAML; undefined: not set. */
  readonly default: string | number | boolean | readonly string[] | undefined;
  /** Form of a value: `60s`, `host:port`, `a | b`. */
  readonly form: string;
  readonly description: string;
  /** True if the value is never shown and can come from a file: `BERTH_…_FILE`. */
  readonly secret: boolean;
  /** Parses a value from YAML or a variable. Throws an Error with a message that continues the name of the key: `must be …`. */
  parse(value: unknown): Value;
}

/** Keys below a key. */
export interface Section<Keys extends Children> {
  readonly kind: 'section';
  readonly keys: Keys;
}

/** A map whose keys the operator chooses: every entry is a section. */
export interface Entries<Keys extends Children> {
  readonly kind: 'entries';
  readonly keys: Keys;
  readonly description: string;
  readonly default: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** A list of maps: every item is a section. Only the file can set it; the default is an empty list. */
export interface List<Keys extends Children> {
  readonly kind: 'list';
  readonly keys: Keys;
  readonly description: string;
}

export type Child = Key<unknown> | Section<Children> | Entries<Children> | List<Children>;
export interface Children {
  readonly [name: string]: Child;
}

/** The type of a parsed configuration. Durations are seconds, sizes are bytes. */
export type Parsed<Node> =
  Node extends Key<infer Value>
    ? Value
    : Node extends Section<infer Keys>
      ? { readonly [Name in keyof Keys]: Parsed<Keys[Name]> }
      : Node extends Entries<infer Keys>
        ? Readonly<Record<string, { readonly [Name in keyof Keys]: Parsed<Keys[Name]> }>>
        : Node extends List<infer Keys>
          ? readonly { readonly [Name in keyof Keys]: Parsed<Keys[Name]> }[]
          : never;

export function section<Keys extends Children>(keys: Keys): Section<Keys> {
  return { kind: 'section', keys };
}

export function entries<Keys extends Children>(
  fallback: Entries<Keys>['default'],
  description: string,
  keys: Keys,
): Entries<Keys> {
  return { kind: 'entries', keys, description, default: fallback };
}

export function list<Keys extends Children>(description: string, keys: Keys): List<Keys> {
  return { kind: 'list', keys, description };
}

type Written = Key<unknown>['default'];

function key<Value>(fallback: Written, form: string, description: string, parse: (value: unknown) => Value): Key<Value> {
  return { kind: 'key', default: fallback, form, description, secret: false, parse };
}

/** Returns the same key without a default: its value may be undefined. */
export function optional<Value>(inner: Key<Value>): Key<Value | undefined> {
  return {
    ...inner,
    default: undefined,
    parse: (value) => (value === undefined || value === null || value === '' ? undefined : inner.parse(value)),
  };
}

export function text(fallback: string, description: string): Key<string> {
  return key(fallback, 'text', description, (value) => {
    if (typeof value !== 'string' && typeof value !== 'number') throw new Error('must be text');
    return String(value);
  });
}

export function secret(description: string): Key<string | undefined> {
  return { ...optional(text('', description)), form: 'secret', secret: true };
}

/** Returns the secret in the file that a `BERTH_…_FILE` variable names, without a line break at its end. */
export function secretFromFile(path: string): string {
  return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
}

export function flag(fallback: boolean, description: string): Key<boolean> {
  return key(fallback, 'true | false', description, (value) => {
    if (value === true || value === 'true') return true;
    if (value === false || value === 'false') return false;
    throw new Error('must be true or false');
  });
}

export function choice<const Choice extends string>(choices: readonly Choice[], description: string): Key<Choice> {
  return key(choices[0], choices.join(' | '), description, (value) => {
    const found = choices.find((one) => one === value);
    if (found === undefined) throw new Error(`must be one of ${choices.join(', ')}`);
    return found;
  });
}

export function wholeNumber(fallback: number, least: number, most: number, description: string): Key<number> {
  return key(fallback, 'number', description, (value) => {
    const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < least || number > most) {
      throw new Error(`must be a whole number from ${least} to ${most}`);
    }
    return number;
  });
}

/** Creates a key for a part of something: a number from 0 to 1. */
export function fraction(fallback: number, description: string): Key<number> {
  return key(fallback, 'number from 0 to 1', description, (value) => {
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    if (typeof number !== 'number' || !(number >= 0 && number <= 1)) throw new Error('must be a number from 0 to 1');
    return number;
  });
}

/** Creates a key for one or more of `choices`, as a list or separated by commas. */
export function someOf<const Choice extends string>(
  choices: readonly Choice[],
  fallback: readonly Choice[],
  description: string,
): Key<readonly Choice[]> {
  const list = words(choices.join(' | '), description);
  return {
    ...list,
    default: fallback,
    parse(value) {
      const written = list.parse(value);
      const known = choices.filter((one) => written.includes(one));
      if (known.length === 0 || written.some((one) => !(choices as readonly string[]).includes(one)))
        throw new Error(`must be a list of ${choices.join(', ')}`);
      return known;
    },
  };
}

/** Creates a key for a number of processes; `auto`: one for each core. */
export function processes(fallback: number, description: string): Key<number | 'auto'> {
  const number = wholeNumber(fallback, 1, 256, description);
  return { ...number, form: 'number | auto', parse: (value) => (value === 'auto' ? 'auto' : number.parse(value)) };
}

const secondsOf: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

/** Creates a key for a duration, such as `250ms`, `60s` or `7d`; parsed into seconds. */
export function duration(fallback: string, description: string): Key<number> {
  return key(fallback, 'duration: 60s, 5m, 24h, 7d', description, (value) => {
    const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(String(value));
    if (!match) throw new Error('must be a duration such as 60s, 5m, 24h or 7d');
    return Number(match[1]) * (secondsOf[match[2] ?? ''] ?? 0);
  });
}

const bytesOf: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/** Creates a key for a size, such as `512B`, `64KiB` or `50GiB`; parsed into bytes. */
export function size(fallback: string, description: string): Key<number> {
  return key(fallback, 'size: 4MiB, 50GiB', description, (value) => {
    const match = /^(\d{1,9}(?:\.\d{1,3})?)(B|KiB|MiB|GiB|TiB)$/.exec(String(value));
    if (!match) throw new Error('must be a size such as 512KiB, 4MiB or 50GiB');
    return Math.floor(Number(match[1]) * (bytesOf[match[2] ?? ''] ?? 0));
  });
}

/** A number of events within a time. */
export interface RateSetting {
  readonly count: number;
  readonly seconds: number;
}

/** Creates a key for a rate, such as `200/6h` or `20/1s`. */
export function rate(description: string): Key<RateSetting> {
  const time = duration('', '');
  return key('', 'rate: 200/6h, 20/1s', description, (value) => {
    const [, count, period = ''] = /^(\d{1,9})\/(\S+)$/.exec(String(value)) ?? [];
    const seconds = count === undefined ? 0 : time.parse(/^\d/.test(period) ? period : `1${period}`);
    if (seconds < 1 || Number(count) < 1)
      throw new Error('must be a number of requests and a time of at least 1s, such as 200/6h');
    return { count: Number(count), seconds };
  });
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export function address(fallback: string, description: string): Key<Address> {
  return key(fallback, 'host:port', description, (value) => {
    const text = String(value);
    if (/^:\d+$/.test(text))
      throw new Error(
        `must name a host before ${text}: 127.0.0.1${text} for this machine alone, 0.0.0.0${text} for all addresses`,
      );
    const match = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/.exec(text);
    const port = Number(match?.[2]);
    if (!match?.[1] || port > 65_535) throw new Error('must be host:port, such as 127.0.0.1:5000 or [::1]:5000');
    return { host: match[1].replace(/^\[|\]$/g, ''), port };
  });
}

export function url(description: string, schemes: readonly string[] = ['http:', 'https:']): Key<string> {
  return key('', 'URL', description, (value) => {
    const parsed = URL.parse(String(value));
    if (!parsed || !schemes.includes(parsed.protocol))
      throw new Error(`must be a URL that begins with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`);
    return String(value);
  });
}

/** Creates a key for a list of texts, in YAML or separated by commas. */
export function words(form: string, description: string): Key<readonly string[]> {
  return key([], `list of ${form}`, description, (value) => {
    const items: unknown = typeof value === 'string' ? value.split(',') : (value ?? []);
    if (!Array.isArray(items) || items.some((item) => typeof item !== 'string')) throw new Error(`must be a list of ${form}`);
    return (items as string[]).map((item) => item.trim()).filter((item) => item !== '');
  });
}

/**
 * Creates a key for a list of patterns of tags, in YAML or separated by commas; commas within braces and parentheses belong
 * to a pattern.
 */
export function patterns(form: string, description: string): Key<readonly string[]> {
  const list = words(form, description);
  return { ...list, parse: (value) => list.parse(typeof value === 'string' ? splitOutsideBrackets(value) : value) };
}

function splitOutsideBrackets(text: string): readonly string[] {
  const items = [''];
  let depth = 0;
  for (const character of text) {
    if (character === '{' || character === '(') depth++;
    if (character === '}' || character === ')') depth--;
    if (character === ',' && depth === 0) items.push('');
    else items.push(`${items.pop() ?? ''}${character}`);
  }
  return items;
}

/** Creates a key for a list of addresses and networks, such as `10.0.0.0/8` or `::1`, in YAML or separated by commas. */
export function networks(description: string): Key<readonly string[]> {
  const form = 'list of addresses and CIDR ranges';
  return key([], form, description, (value) => {
    const items: unknown = typeof value === 'string' ? value.split(',').map((item) => item.trim()) : (value ?? []);
    const wanted = Array.isArray(items) ? items.filter((item) => item !== '') : undefined;
    if (!wanted?.every(isNetwork)) throw new Error(`must be a ${form}`);
    return wanted;
  });
}

function isNetwork(text: unknown): text is string {
  const match = typeof text === 'string' ? /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) : undefined;
  const family = isIP(match?.[1] ?? '');
  return family !== 0 && Number(match?.[2] ?? 0) <= (family === 4 ? 32 : 128);
}
