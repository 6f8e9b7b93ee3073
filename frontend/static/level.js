/**
 * How loud a track is, ten times a second, in dBFS (0 is the loudest there can be, -100 silence).
 */

const EVERY = 100; // milliseconds
const SPEECH = -45; // dBFS
const STEADY = 3; // measurements in a row

/**
 * @param {MediaStreamTrack} track
 * @param {(level: number, heard: boolean) => void} tell `heard`: speech for 300 ms at some time
 * @returns {() => void} stops measuring
 */
export function measure(track, tell) {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 2048;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  void context.resume();
  const samples = new Float32Array(analyser.fftSize);
  let steady = 0;
  let heard = false;
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const level = decibels(samples);
    steady = level > SPEECH ? steady + 1 : 0;
    heard ||= steady >= STEADY;
    tell(level, heard);
  }, EVERY);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}

/** @param {Float32Array} samples */
function decibels(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.max(-100, 10 * Math.log10(sum / samples.length + 1e-10));
}
