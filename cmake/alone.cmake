# ct_alone_test(NAME PROGRAM ARGUMENTS..): an integration test on a loopback of its own, so that fixed ports of
# two runs never meet; making a network namespace is root's to do, as with the other integration tests.
function(ct_alone_test name program)
    add_test(NAME integration.${name} COMMAND unshare --net -- sh -c "ip link set lo up && exec \"$0\" \"$@\"" ${program} ${ARGN})
    set_tests_properties(integration.${name} PROPERTIES LABELS integration TIMEOUT 600)
endfunction()

# Threads and memory are what such a test is about: ./run test repeats it under the sanitizers.
function(ct_sanitized_too name)
    set_property(TEST integration.${name} APPEND PROPERTY LABELS sanitized)
endfunction()
