import { keyPaths } from '../../config/load.ts';
import { variableName } from '../../config/variables.ts';
import type { Command } from './command.ts';

/** What `berth --help` prints. */
export function overview(commands: readonly Command[]): string {
  return [
    'berth, an OCI image registry',
    '',
    'Usage: berth COMMAND [OPTIONS]',
    '',
    ...table(commands.map(({ name, summary }) => [name, summary])),
    '',
    'Options of every command:',
    ...table([
      ['--config FILE', 'configuration file (or BERTH_CONFIG), merged over the defaults'],
      ['--help', 'say this, or what the command does'],
      ['--version', 'say which berth this is'],
    ]),
    '',
    'Configuration keys, in the file or as environment variables:',
    ...keyPaths().flatMap(({ path, key }) => [
      `  ${path}   ${variableName(path)}`,
      `      ${key.description} (${key.form}${key.default === undefined || key.default === '' ? '' : `; default ${String(key.default)}`})`,
    ]),
    '',
    'Keys of an upstream are variables too, such as BERTH_MIRROR_UPSTREAMS_DOCKER_IO_USERNAME, …_PASSWORD and …_PASSWORD_FILE.',
  ].join('\n');
}

export function helpOf({ usage, summary, options }: Command): string {
  return [
    `Usage: ${usage}`,
    '',
    summary,
    ...(Object.keys(options).length > 0 ? ['', ...Object.keys(options).map((name) => `  --${name}`)] : []),
  ].join('\n');
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
