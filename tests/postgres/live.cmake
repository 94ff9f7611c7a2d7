# Tests that need no server, and those that start one.
salvor_test(salvor_test_postgres_live unit programs_test.cpp recovery_settings_test.cpp)
target_link_libraries(salvor_test_postgres_live PRIVATE salvor_test_support)
salvor_test(salvor_test_postgres_servers integration
  connection_test.cpp backup_session_test.cpp fence_test.cpp)
target_link_libraries(salvor_test_postgres_servers PRIVATE salvor_test_support)
