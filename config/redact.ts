import type { Child, Children } from './keys.ts';
import { schema } from './schema.ts';
import type { Config } from './schema.ts';

const secret = '(secret)';

/** Returns the configuration without secrets, for people to read: passwords, keys, tokens, and logins in URLs. */
export function redact(config: Config): unknown {
  return redactChildren(config, schema.keys);
}

function redactChildren(values: unknown, keys: Children): unknown {
  const fields = (values ?? {}) as Readonly<Record<string, unknown>>;
  return Object.fromEntries(Object.entries(keys).map(([name, child]) => [name, redactChild(fields[name], child)]));
}

function redactChild(value: unknown, child: Child): unknown {
  if (value === undefined) return undefined;
  switch (child.kind) {
    case 'section':
      return redactChildren(value, child.keys);
    case 'list':
      return (value as readonly unknown[]).map((item) => redactChildren(item, child.keys));
    case 'entries':
      return Object.fromEntries(Object.entries(value as object).map(([name, item]) => [name, redactChildren(item, child.keys)]));
    case 'key':
      return child.secret ? secret : withoutLogins(value);
  }
}

/** `https://user:password@host` becomes `https://(secret)@host`. */
function withoutLogins(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutLogins);
  return typeof value === 'string' ? value.replace(/\/\/[^/@\s]*@/g, `//${secret}@`) : value;
}
