// CPU profiles of a run, for bench/profile.mjs or any tool that reads `.cpuprofile`.
import fs from 'node:fs';
import inspector from 'node:inspector';
import path from 'node:path';

/** Of this process, until `stop`; written to `<dir>/<name>.cpuprofile`. */
export function startProfile(dir, name) {
  const session = new inspector.Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: 500 });
  session.post('Profiler.start');
  return {
    stop() {
      session.post('Profiler.stop', (error, { profile } = {}) => {
        if (error) throw error;
        fs.mkdirSync(dir, { recursive: true });
        fs.writeFileSync(path.join(dir, `${name}.cpuprofile`), JSON.stringify(profile));
      });
      session.disconnect();
    },
  };
}

/** For a child, from its start to its end, where `run.mjs --profile` asks for it. */
export function profileFlags(name) {
  const dir = process.env.BACKSTEP_BENCH_PROFILE;
  return dir ? ['--cpu-prof', '--cpu-prof-interval=500', `--cpu-prof-dir=${path.resolve(dir)}`, `--cpu-prof-name=${name}.cpuprofile`] : [];
}
