import { describe, expect, it } from '@jest/globals';
import { planServices } from '../support/services-plan.mjs';

const postgres = { name: 'PostgreSQL', debianPackage: 'postgresql', forTests: 'running on this machine', canBePrivate: true };
const rabbitmq = { name: 'RabbitMQ', debianPackage: 'rabbitmq-server', forTests: 'from Docker', canBePrivate: true };
const missing = { forTests: undefined, canBePrivate: false };
const everything = { servers: [postgres, rabbitmq], hasPika: true, hasChromium: true, isDebian: true, isRoot: true };
const nothing = {
  servers: [
    { ...postgres, ...missing },
    { ...rabbitmq, ...missing },
  ],
  hasPika: false,
  hasChromium: false,
  isDebian: true,
  isRoot: true,
};

describe('npm run services', () => {
  it('does nothing where nothing is needed', () => {
    expect(planServices(everything)).toEqual({
      lines: ['PostgreSQL: running on this machine', 'RabbitMQ: from Docker', 'Nothing to do.'],
      packages: [],
      isComplete: true,
    });
  });

  it('installs everything on a bare Debian as root', () => {
    expect(planServices(nothing)).toMatchObject({
      packages: ['postgresql', 'rabbitmq-server', 'python3-pika', 'chromium'],
      isComplete: true,
    });
  });

  it('installs only what is missing', () => {
    expect(planServices({ ...everything, servers: [postgres, { ...rabbitmq, ...missing }] }).packages).toEqual(['rabbitmq-server']);
    expect(planServices({ ...everything, hasPika: false }).packages).toEqual(['python3-pika']);
    expect(planServices({ ...everything, hasChromium: false }).packages).toEqual(['chromium']);
  });

  it('installs a server that the tests can use but not kill', () => {
    const plan = planServices({ ...everything, servers: [{ ...postgres, canBePrivate: false }, rabbitmq] });
    expect(plan.packages).toEqual(['postgresql']);
    expect(plan.lines[0]).toBe('PostgreSQL: running on this machine; missing for the tests that kill one of their own');
  });

  it('names the command where it may not install', () => {
    const plan = planServices({ ...nothing, isRoot: false });
    expect(plan).toMatchObject({ packages: [], isComplete: false });
    expect(plan.lines.at(-1)).toBe('To run the tests: sudo apt-get install postgresql rabbitmq-server python3-pika chromium');
  });

  it('names the ways that are open where there is no apt-get', () => {
    const plan = planServices({ ...nothing, isDebian: false });
    expect(plan).toMatchObject({ packages: [], isComplete: false });
    expect(plan.lines.at(-1)).toContain('start Docker, or install PostgreSQL and RabbitMQ and Chromium');
  });

  it('does not do without a browser: its tests would fail', () => {
    const plan = planServices({ ...everything, hasChromium: false, isDebian: false });
    expect(plan).toMatchObject({ packages: [], isComplete: false });
    expect(plan.lines.at(-1)).toBe('To run the tests: install Chromium so that the programs are found in PATH');
  });

  it('does without pika where it may not install, and says who needs it', () => {
    const plan = planServices({ ...everything, hasPika: false, isDebian: false });
    expect(plan).toMatchObject({ packages: [], isComplete: true });
    expect(plan.lines.at(-1)).toContain('only the test of the Python example needs it');
  });
});
