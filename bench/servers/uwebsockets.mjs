// uWebSockets' C++ server inside Node: its parser and sockets are native, its event loop is Node's,
// and this handler runs once per request.
import uws from 'uwebsockets';

uws
  .App()
  .get('/', (response) => {
    response.writeHeader('Content-Type', 'text/plain; charset=utf-8').end('Hello, World!');
  })
  .listen('127.0.0.1', 0, uws.LIBUS_LISTEN_EXCLUSIVE_PORT, (socket) => {
    if (!socket) throw new Error('uwebsockets could not listen');
    console.log('listening', uws.us_socket_local_port(socket));
  });
