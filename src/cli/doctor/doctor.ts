import { ConfigError } from '../../../config/config-error.ts';
import type { Config } from '../../../config/schema.ts';
import { checkConfig } from '../../assembly/check-config.ts';
import { CommandError, type Invocation } from '../program/command.ts';
import { asksForJson, printValue } from '../program/output.ts';
import { checkBlobStore } from './blob-store.ts';
import { checkClock } from './clock.ts';
import { checkDataFolder } from './data-folder.ts';
import { checkDatabase } from './database.ts';
import { checkDocker } from './docker.ts';
import { type Check, type Finding, ok, problem, reasonOf, warning } from './finding.ts';
import { checkNames, checkPort } from './network.ts';
import { checkPublicUrl } from './public-url.ts';
import { checkUpstreams } from './upstreams.ts';

const checks: readonly Check[] = [
  checkConfiguration,
  checkDataFolder,
  checkBlobStore,
  checkDatabase,
  checkPort,
  checkPublicUrl,
  checkNames,
  checkClock,
  checkUpstreams,
  (config) => checkDocker(config),
];

const marks = { ok: 'ok      ', warning: 'warning ', problem: 'PROBLEM ', skipped: 'skipped ' };

/** `berth doctor` */
export async function doctor(invocation: Invocation): Promise<void> {
  const findings: Finding[] = [];
  for await (const finding of examine(invocation.config())) {
    findings.push(finding);
    if (asksForJson(invocation)) continue;
    invocation.print(`${marks[finding.status]} ${finding.check}: ${finding.message}`);
    if (finding.advice !== null) invocation.print(`         ${finding.advice}`);
  }
  if (asksForJson(invocation)) printValue(invocation, '', findings);
  const problems = findings.filter(({ status }) => status === 'problem').length;
  if (problems > 0) throw new CommandError(problems === 1 ? 'there is 1 problem' : `there are ${problems} problems`);
}

/** Yields what the checks find, one after the other. */
export async function* examine(config: Config): AsyncGenerator<Finding> {
  for (const check of checks) {
    try {
      yield* await check(config);
    } catch (error) {
      yield problem(check.name, reasonOf(error), 'this check failed itself: please report it');
    }
  }
}

async function checkConfiguration(config: Config): Promise<readonly Finding[]> {
  const name = 'configuration';
  try {
    const warnings = await checkConfig(config);
    if (warnings.length === 0) return [ok(name, 'it is valid')];
    return warnings.map((text) => warning(name, text, 'see docs/configuration.md'));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.errors.map((text) => problem(name, text, 'correct the key'));
  }
}
