# The S3 gateway that tests share: started once a run of ctest, and only when a test that needs it
# runs. A test asks for it with FIXTURES_REQUIRED s3 and finds it through the file that
# SALVOR_S3_ENV names (endpoint=, tls=, ca=, access=, secret=; one a line).
include_guard(GLOBAL)

set(SALVOR_S3_FOLDER ${CMAKE_BINARY_DIR}/s3)
set(SALVOR_S3_SERVER ${CMAKE_CURRENT_LIST_DIR}/s3-server)
add_test(NAME s3.start COMMAND ${SALVOR_S3_SERVER} start ${SALVOR_S3_FOLDER})
add_test(NAME s3.stop COMMAND ${SALVOR_S3_SERVER} stop ${SALVOR_S3_FOLDER})
set_tests_properties(s3.start PROPERTIES FIXTURES_SETUP s3 LABELS fixture TIMEOUT 120)
set_tests_properties(s3.stop PROPERTIES FIXTURES_CLEANUP s3 LABELS fixture TIMEOUT 60)

# salvor_s3_test(NAME SOURCES ...): one test program with the label integration, whose tests have
# the gateway.
function(salvor_s3_test name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE salvor_test_main)
  target_precompile_headers(${name} REUSE_FROM salvor_test_headers)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES
    LABELS integration TIMEOUT 300 FIXTURES_REQUIRED s3
    ENVIRONMENT "SALVOR_S3_ENV=${SALVOR_S3_FOLDER}/env")
endfunction()
