-- KEYS: two names that nobody uses otherwise
-- Does all that the scripts do, and leaves nothing. Fails where they would, and says where that is.

local steps = {
  {'SET', KEYS[1], 'x', 'PX', 1000},
  {'SETRANGE', KEYS[1], 0, 'y'},
  {'GET', KEYS[1]},
  {'EXISTS', KEYS[1]},
  {'INCR', KEYS[2]},
  {'PEXPIRE', KEYS[2], 1000},
  {'DECRBY', KEYS[2], 1},
  {'PTTL', KEYS[2]},
  {'DEL', KEYS[1], KEYS[2]},
}
for _, step in ipairs(steps) do
  local reply = redis.pcall(unpack(step))
  if type(reply) == 'table' and reply.err then
    return redis.error_reply(reply.err .. ' (' .. step[1] .. ')')
  end
end
return 0
