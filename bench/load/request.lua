-- What one connection asks for: wrk ... URL -- METHOD PATH BODY_BYTES DEPTH CLOSE. Sends DEPTH requests in one write and waits for all their
-- answers; with CLOSE "close" the server is asked to end the connection after each.
local batch

function init(args)
  local method, path = args[1], args[2]
  local body = string.rep('x', tonumber(args[3]))
  local headers = {}
  if #body > 0 then headers['Content-Type'] = 'application/octet-stream' end
  if args[5] == 'close' then headers['Connection'] = 'close' end
  local requests = {}
  for i = 1, tonumber(args[4]) do
    requests[i] = wrk.format(method, path, headers, #body > 0 and body or nil)
  end
  batch = table.concat(requests)
end

function request()
  return batch
end
