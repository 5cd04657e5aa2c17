-- KEYS: windows
-- ARGV: for each window, how many ms it went on when an event was counted
-- One that goes on for longer now is another one: it does not have that event.

for i = 1, #KEYS do
  if redis.call('PTTL', KEYS[i]) <= tonumber(ARGV[i]) then
    uncount(i, i, 1)
  end
end
return 0
