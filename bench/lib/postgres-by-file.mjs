// Loaded into a Node program by --import: connections to PostgreSQL's port on this machine go to its socket in the file system instead.
import net from 'node:net';

const { BACKSTEP_BENCH_POSTGRES_PORT: port, BACKSTEP_BENCH_POSTGRES_SOCKET: socket } = process.env;
// oxlint-disable-next-line typescript/unbound-method -- it is called on the socket in question
const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function (...args) {
  const [first, host] = args;
  const isPostgres = Number(first) === Number(port) && (host === '127.0.0.1' || host === 'localhost');
  return connect.apply(this, isPostgres ? [socket, ...args.slice(2)] : args);
};
